/** Reads how the action logs in to the Management API. Exactly one way must be given. */

import { parsePair, parseRsaKey, pkcs8 } from '../certificate/inspect.ts';
import type { ManagementLogin } from '../model/management-login.ts';
import type { Reader } from './reader.ts';

const LOGINS = ['management-client-secret', 'management-private-key', 'management-credential'] as const;

/** undefined if there is a problem. */
export function readLogin(reader: Reader): ManagementLogin | undefined {
  const token = reader.text('management-token');
  const clientId = reader.text('management-client-id');
  const given = LOGINS.filter((name) => reader.text(name) !== undefined);
  if (token !== undefined) {
    if (clientId === undefined && given.length === 0) return { kind: 'token', token };
    return reader.problem(
      'management-token',
      `cannot be given together with ${[...(clientId ? ['management-client-id'] : []), ...given].join(', ')}`,
    );
  }
  const [only, ...more] = given;
  if (only === undefined || more.length > 0) {
    const found = given.length === 0 ? 'none of them is' : `${given.join(' and ')} are`;
    return reader.problem(
      'management-client-id',
      `needs exactly one of ${LOGINS.join(', ')}, or management-token instead; ${found} given`,
    );
  }
  if (clientId === undefined) return reader.problem(only, 'needs management-client-id');
  return readClientLogin(reader, clientId, only);
}

function readClientLogin(
  reader: Reader,
  clientId: string,
  name: (typeof LOGINS)[number],
): ManagementLogin | undefined {
  const value = reader.required(name);
  if (name === 'management-client-secret') return { kind: 'client-secret', clientId, secret: value };
  if (name === 'management-credential') {
    const pair = reader.parsed(name, parsePair);
    return pair && { kind: 'mtls', clientId, pair };
  }
  const key = reader.parsed(name, parseRsaKey);
  return (
    key && {
      kind: 'private-key-jwt',
      clientId,
      privateKey: pkcs8(key),
    }
  );
}
