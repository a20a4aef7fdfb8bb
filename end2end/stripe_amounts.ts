// Amounts whose payments at the emulated Stripe take a while, in the smallest units of the currency, and how they end.

export const endings: Record<string, "paid" | "failed"> = { 7700: "paid", 7800: "failed" };
