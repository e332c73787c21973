/** A clock that moves only when somebody sleeps. */

export interface VirtualClock {
  now(): number;
  /** Returns at once. */
  sleep(milliseconds: number, signal?: AbortSignal): Promise<void>;
  random(): number;
}

/** @returns the clock, and the milliseconds of every wait */
export function virtualClock(start = 0): { clock: VirtualClock; waits: number[] } {
  const waits: number[] = [];
  let time = start;
  const clock = {
    now: () => time,
    sleep: async (milliseconds: number, signal?: AbortSignal) => {
      signal?.throwIfAborted();
      waits.push(milliseconds);
      time += milliseconds;
    },
    random: () => 0,
  };
  return { clock, waits };
}
