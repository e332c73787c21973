/** Reads of Auth0 that lag behind its writes: for some seconds they show what was there before one of them. */

export interface Lag {
  /** Auth0's time of the state that is shown, the last one before the write. */
  shows: number;
  /** World's time at which all reads agree again. */
  until: number;
  pattern: Pattern;
  /** Reads so far. */
  reads: number;
}

/**
 * `every read`: one replica that is behind; `old first` and `new first`: each other read meets one; `client` and `pool`: only
 * reads of that record are behind.
 */
export type Pattern = (typeof PATTERNS)[number];
export const PATTERNS = ['every read', 'old first', 'new first', 'client', 'pool'] as const;

/** @returns when that was the state which this read shows; undefined: now */
export function asOf(lag: Lag | undefined, path: string, time: number): number | undefined {
  if (!lag || time >= lag.until) return undefined;
  lag.reads += 1;
  const isPool = path.endsWith('/credentials');
  const isOld = {
    'every read': true,
    'old first': lag.reads % 2 === 1,
    'new first': lag.reads % 2 === 0,
    client: !isPool,
    pool: isPool,
  };
  return isOld[lag.pattern] ? lag.shows : undefined;
}
