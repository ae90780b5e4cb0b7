"""The ages that AgeLens knows: whole years from 0 on."""

OLDEST = 116
