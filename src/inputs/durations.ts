/** Reads durations such as `30s`, `12h` or `7d`. */

import type { AuthenticationMethod, DesiredState } from '../model/desired-state.ts';
import { DAY } from '../model/timing.ts';
import type { Reader } from './reader.ts';

const UNITS: Readonly<Record<string, number>> = {
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: DAY,
  w: 7 * DAY,
};

export function readOverlap(reader: Reader): DesiredState['overlap'] {
  const text = reader.text('overlap') ?? 'until-next-rotation';
  if (text === 'until-next-rotation') return text;
  const overlap = milliseconds(text);
  if (overlap !== undefined) return overlap;
  reader.problem('overlap', `is '${text}'; write until-next-rotation, or a duration such as 12h or 7d`);
  return 'until-next-rotation';
}

/**
 * Auth0 says that a rotated client secret may take 30 s to reach every node (docs/facts.md#auth0-propagation). A longer wait would use up
 * the run's ten minutes.
 */
const LONGEST_PROPAGATION = 2 * 60_000;

export function readPropagationTime(reader: Reader): number {
  const text = reader.text('propagation-time') ?? '30s';
  const time = milliseconds(text);
  if (time !== undefined && time <= LONGEST_PROPAGATION) return time;
  reader.problem('propagation-time', `is '${text}'; write a duration up to 2m, such as 30s, or 0s for none`);
  return 0;
}

/** Auth0 keeps logs for at most 30 days (log-data-retention), so they never cover a longer window. */
const LONGEST_WINDOW = 29 * DAY;

/** undefined: `retire: by-time`. */
export function readQuietWindow(reader: Reader, method: AuthenticationMethod): number | undefined {
  const retire = reader.oneOf('retire', ['by-time', 'when-unused'], 'by-time');
  const text = reader.text('quiet-window') ?? '7d';
  const quietWindow = milliseconds(text) ?? 0;
  if (quietWindow <= 0 || quietWindow > LONGEST_WINDOW)
    reader.problem(
      'quiet-window',
      `is '${text}'; write a duration of more than 0 and up to 29d, such as 12h or 7d`,
    );
  if (retire === 'by-time') return undefined;
  if (method !== 'self_signed_tls_client_auth')
    reader.unfitProblem(
      'retire',
      'is when-unused, which works only with self_signed_tls_client_auth, since the tenant logs identify certificates, but neither keys nor subjects',
    );
  if (reader.text('verify') === 'off')
    reader.problem(
      'retire',
      'is when-unused, which needs a token request and cannot be combined with verify: off',
    );
  return quietWindow;
}

function milliseconds(duration: string): number | undefined {
  const match = /^(\d{1,5})([smhdw])$/.exec(duration);
  return match ? Number(match[1]) * (UNITS[`${match[2]}`] ?? 0) : undefined;
}
