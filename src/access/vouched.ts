/**
 * What is known about somebody whom a directory or provider vouches for: looked at again from `again` on, in milliseconds
 * since 1970; or why it is over, for the audit row.
 */
export type Vouched = { readonly again: number } | { readonly ended: string };
