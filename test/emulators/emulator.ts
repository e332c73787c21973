/** What every emulated service of the sandbox is: a synchronous, atomic function from a request to an answer. */

export interface EmulatorRequest {
  method: string;
  /** Path with its query, as on the request line. */
  path: string;
  /** Header names in lower case. */
  headers: Readonly<Record<string, string>>;
  body: string;
}

export interface EmulatorResponse {
  status: number;
  /** Header names in lower case. */
  headers: Record<string, string>;
  body: string;
}

export interface Emulator {
  /** Never throws for a bad request; one call is one atomic change of the emulated service. */
  handle(request: EmulatorRequest): EmulatorResponse;
}

/** Milliseconds since the epoch, as the emulated service sees it. Sandbox: the real time plus a skew; explorer: virtual. */
export type Now = () => number;

/** A number in [0, 1); seeded where a run must be replayable. */
export type Random = () => number;

/** An answer with a JSON body and the service's own `Date` header (whole seconds, RFC 9110 5.6.7). */
export function json(
  status: number,
  body: unknown,
  now: number,
  headers: Record<string, string> = {},
): EmulatorResponse {
  return {
    status,
    headers: {
      date: new Date(now).toUTCString(),
      ...(body === undefined ? {} : { 'content-type': 'application/json; charset=utf-8' }),
      ...headers,
    },
    body: body === undefined ? '' : JSON.stringify(body),
  };
}

/** mulberry32: a small seeded generator, so that every sampled run can be replayed from its seed. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}
