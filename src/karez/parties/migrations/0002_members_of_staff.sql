-- Whose hands a credential is in, where it is one person's: two credentials of one person are one person.

ALTER TABLE credential ADD COLUMN staff uuid;

ALTER TABLE credential ADD CONSTRAINT credential_staff_institution CHECK (staff IS NULL OR institution IS NOT NULL);
