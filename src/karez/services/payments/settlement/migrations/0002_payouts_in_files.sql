-- Reconciliation finds on a bank's statement what was put into files for it.
CREATE INDEX payout_in_file ON payout (bank, id) WHERE state = 'in_file';
