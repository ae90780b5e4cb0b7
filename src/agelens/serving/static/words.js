// What is estimated, in words; for the cards and for screen readers.

export function percent(share) {
  const rounded = Math.round(100 * share);
  return rounded >= 100 ? "over 99 %" : `${rounded} %`;
}

export function genderOf(face) {
  const female = face.p_female >= 0.5;
  return { label: female ? "female" : "male", share: female ? face.p_female : 1 - face.p_female };
}

export function years(age) {
  return String(Math.round(age));
}

// "Face 1: about 31 years, 90 % interval 24 to 41, female 93 %."
export function describeFace(face, number) {
  const parts = [];
  if (face.age_years !== undefined) {
    parts.push(`about ${years(face.age_years)} years`);
  }
  if (face.age_low !== undefined) {
    parts.push(`90 % interval ${[face.age_low, face.age_high].map(years).join(" to ")}`);
  }
  if (face.p_female !== undefined) {
    const { label, share } = genderOf(face);
    parts.push(`${label} ${percent(share)}`);
  }
  if (face.low_confidence) {
    parts.push("low confidence, may be no face");
  }
  return `Face ${number}: ${parts.join(", ")}.`;
}

// The curve of a face for those who do not see it.
export function describeCurve(face) {
  const shares = face.age_distribution || [];
  const parts = [`median ${years(face.age_years)} years`];
  if (shares.length > 0) {
    parts.unshift(`highest at ${shares.indexOf(Math.max(...shares))} years`);
  }
  if (face.age_low !== undefined) {
    parts.push(`90 % interval from ${[face.age_low, face.age_high].map(years).join(" to ")} years`);
  }
  return `Distribution of the age: ${parts.join(", ")}.`;
}
