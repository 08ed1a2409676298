"""A release of this repository: archives of templates, wheels, checksums, bill of materials, licences."""
