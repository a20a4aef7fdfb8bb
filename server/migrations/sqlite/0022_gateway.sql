-- How a payment is called at the gateway that takes it: the checkout, and, once the customer has paid, the payment itself,
-- by which refunds and disputes are told.
ALTER TABLE payments ADD COLUMN gateway_checkout_id TEXT;
ALTER TABLE payments ADD COLUMN gateway_payment_id TEXT;

CREATE INDEX payments_by_gateway_checkout ON payments (gateway, gateway_checkout_id) WHERE gateway_checkout_id IS NOT NULL;
CREATE INDEX payments_by_gateway_payment ON payments (gateway, gateway_payment_id) WHERE gateway_payment_id IS NOT NULL;
