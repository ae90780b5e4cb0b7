"""The groups that figures are told by."""

GROUP_TITLES = {
    "age_band": "Age band (years)",
    "gender": "Gender label",
    "race": "Race label",
    "source": "Source",
}
