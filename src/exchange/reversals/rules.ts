/** `dedupe` of what a rollback names, in SQL over a row `t` of `transaction`; spelled as `dedupeKey` does. */
export const ORIGINAL_KEY = `unhex(left(sha2(
  concat(t.tenant_no, ':', t.partner_no, ':', char_length(t.reverses), ':', t.reverses), 256), 32))`;
