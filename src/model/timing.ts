/** The times that the protocol rests on, in milliseconds. */

/** An unfinished credential younger than this may belong to a run that is still at work. */
export const LEASE = 15 * 60_000;
/** A run stops itself after this time, well inside the lease. */
export const LONGEST_RUN = 10 * 60_000;
/**
 * The largest error of a time that was translated between clocks. Each service's `Date` header contributes a second, and so does
 * `updated_at`, which has whole seconds.
 */
export const UNCERTAINTY = 3_000;
/** The validity of a certificate begins this long before it is issued, for machines whose clock is behind. */
export const BACKDATE = 5 * 60_000;
export const HOUR = 3_600_000;
export const DAY = 24 * HOUR;
/** The removal of a credential made by hand is announced this long before. */
export const NOTICE_PERIOD = 7 * DAY;

/** The last quarter of the renewal window, in milliseconds. In it, an expiry does more harm than an interruption. */
export function lastChance(renewBeforeDays: number): number {
  return (renewBeforeDays * DAY) / 4;
}
