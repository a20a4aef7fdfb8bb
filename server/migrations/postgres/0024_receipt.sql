-- What the gateway charges, minor_units, is what credit was bought for together with a fee and a tax. The rates may be
-- others by the time the payment is paid, so what the tax was called and how large it was is kept with it.
ALTER TABLE payments ADD COLUMN fee_minor_units BIGINT NOT NULL DEFAULT 0 CHECK (fee_minor_units >= 0);
ALTER TABLE payments ADD COLUMN tax_minor_units BIGINT NOT NULL DEFAULT 0 CHECK (tax_minor_units >= 0);
ALTER TABLE payments ADD COLUMN tax_name TEXT NOT NULL DEFAULT '';
-- In thousandths of a per cent.
ALTER TABLE payments ADD COLUMN tax_percent BIGINT NOT NULL DEFAULT 0;

-- The form that began the payment: sent twice, it is one payment.
ALTER TABLE payments ADD COLUMN form_id TEXT;

CREATE INDEX payments_by_form ON payments (account_id, form_id) WHERE form_id IS NOT NULL;

-- What an account wants to have on its receipts; the address has a line for each of its lines.
ALTER TABLE accounts ADD COLUMN billing_name TEXT NOT NULL DEFAULT '';
ALTER TABLE accounts ADD COLUMN billing_address TEXT NOT NULL DEFAULT '';
ALTER TABLE accounts ADD COLUMN billing_tax_id TEXT NOT NULL DEFAULT '';

-- A paid payment has one receipt, and the receipts of an account are numbered without gaps. What a receipt says is kept
-- with it, as JSON: names and rates change, and a receipt does not.
CREATE TABLE receipts (
    account_id TEXT NOT NULL REFERENCES accounts (id),
    number BIGINT NOT NULL CHECK (number > 0),
    payment_id TEXT NOT NULL,
    issued_at BIGINT NOT NULL,
    particulars TEXT NOT NULL,
    PRIMARY KEY (account_id, number),
    UNIQUE (account_id, payment_id)
);

CREATE FUNCTION refuse_receipt_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'receipts are never changed';
END;
$$;

CREATE TRIGGER receipts_are_never_changed BEFORE UPDATE ON receipts
FOR EACH ROW EXECUTE FUNCTION refuse_receipt_change();

CREATE TRIGGER receipts_are_never_deleted BEFORE DELETE ON receipts
FOR EACH ROW EXECUTE FUNCTION refuse_receipt_change();

CREATE TRIGGER receipts_are_never_truncated BEFORE TRUNCATE ON receipts
FOR EACH STATEMENT EXECUTE FUNCTION refuse_receipt_change();
