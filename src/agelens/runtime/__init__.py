"""Running a network: sessions, devices, precision and int8 checks."""
