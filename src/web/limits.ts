/** An export of up to this many rows is collected before its file begins. A part of an export holds no more than that. */
export const rowsAtOnce = 2_000;
