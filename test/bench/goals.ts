/** What a run may cost at most, as docs/performance.md and the README promise it. */

export const GOALS = {
  rotation: { requests: 19, roundTrips: 9, ratio: 1.25 },
  makesRoom: { requests: 25 },
  notDue: { requests: 4, roundTrips: 3 },
  startMs: 100,
  memoryMb: 120,
  distBytes: 1_000_000,
} as const;
