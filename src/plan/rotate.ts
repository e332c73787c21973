/** The steps of a rotation, from the place for the new credential to the removal of the last. Pure. */

import { placesOf, type Wish } from '../model/desired-state.ts';
import type { Credential } from '../model/observed-state.ts';
import { printPlace } from '../model/secret-location.ts';
import { ISSUED, type KeyMaterial } from '../model/step.ts';
import { makeRoom, makeSlot, nameTaken, placesFull } from './capacity.ts';
import { newestFirst } from './in-use.ts';
import type { Draft } from './plan-builder.ts';
import { nextDue } from './reasons.ts';
import { CUTS_OFF } from './revert.ts';
import { refuseRevocation, revoke } from './revoke.ts';

export function rotate(draft: Draft): void {
  const { wish } = draft;
  draft.renews = reuseName(draft)?.id;
  if (wish.revoke) refuseRevocation(draft);
  if (draft.renews === undefined && draft.state.client) makeRoom(draft);
  draft.steps.push({ kind: 'issue-certificate', what: materialOf(wish) });
  register(draft);
  if (wish.verify !== 'off') draft.steps.push({ kind: 'authenticate' });
  for (const place of placesOf(wish)) draft.steps.push({ kind: 'store-secret', place, source: 'issued' });
  if (wish.revoke) revoke(draft);
  else removeAfterDelivery(draft);
  removeFormer(draft);
  if ((nextDue(wish, draft.state, draft.evidence, true) ?? 0) <= draft.state.now) draft.notes.push(SHORT);
}

const SHORT =
  'WARNING: the new certificate is due again at once, since it lives no longer than renew-before-days: every run will rotate.';

/** What the method held that the client has left: with it nobody can log in any more. */
function removeFormer(draft: Draft): void {
  const { pool, state, wish } = draft;
  const { associated = [], method = wish.method } = state.client ?? {};
  if (method === wish.method) return;
  const former = draft.records.filter((c) => associated.includes(c.id) && !wish.keepCredentials.has(c.id));
  for (const credential of former) if (!pool.othersMark(credential)) draft.remove(credential, 'leave');
}

/**
 * Auth0 knows a CA-signed certificate by its subject DN alone: a new one of the same name needs no new credential
 * (RFC 8705 2.1). It must stay the newest of ours, or the times would tell that another one is in use.
 */
function reuseName(draft: Draft): Credential | undefined {
  const { pool, records, wish } = draft;
  if (wish.method !== 'tls_client_auth') return undefined;
  const same = records.find(({ identity }) => identity === wish.subject);
  if (!same) return undefined;
  if (!pool.isCandidate(same)) throw nameTaken(draft, same);
  const newer = records.filter((c) => pool.isOurs(c) && newestFirst(c, same) < 0);
  // The times would never tell that a rehearsal's is in use.
  if (!pool.isRehearsed(same) && newer.every((c) => draft.isDisposable(c))) {
    for (const credential of newer) draft.remove(credential, 'discard');
    draft.notes.push(SAME_NAME);
    return same;
  }
  // Auth0 takes no second credential of a name.
  if (!draft.isDisposable(same)) throw placesFull(draft);
  draft.remove(same, 'make room');
  return undefined;
}

const SAME_NAME =
  'Auth0 knows a CA-signed certificate by its subject DN alone and cannot revoke one: the previous certificate stays valid until it expires.';

/** The new key becomes known to Auth0, by its own credential or by one of its name. */
function register(draft: Draft): void {
  const { state, wish } = draft;
  const { client } = state;
  const ref = draft.renews ?? ISSUED;
  if (client === undefined) {
    draft.steps.push({ kind: 'create-client', name: wish.clientName ?? '', method: wish.method });
    const taken = state.secrets.filter(({ times }) => typeof times !== 'string');
    if (taken.length > 0) draft.notes.push(overwrites(taken.map(({ place }) => printPlace(place))));
    draft.associated = [ISSUED];
    return;
  }
  if (ref === ISSUED) draft.steps.push({ kind: 'create-credential' });
  if (draft.associated.includes(ref)) return;
  if (client.method === wish.method) {
    if (ref !== ISSUED) makeSlot(draft);
    draft.associate([...draft.associated, ref], 'add');
    return;
  }
  draft.steps.push({
    kind: 'change-method',
    from: client.method,
    to: wish.method,
    credentials: [ref],
    interrupts: [],
  });
  draft.associated = [ref];
  if (wish.isManager) draft.notes.push(CUTS_OFF);
  draft.notes.push(
    `INTERRUPTION: Auth0 allows one method at a time. Whoever logs in by ${client.method} (its client secrets or keys) cannot log in from the change on, until it uses what this run delivers.`,
  );
}

function overwrites(places: readonly string[]): string {
  return `INTERRUPTION: ${places.join(', ')} holds something already, and this run replaces it (force): whoever reads it for another client cannot log in any more.`;
}

export function materialOf({ keySize, method }: Wish): KeyMaterial {
  if (method === 'private_key_jwt') return 'a key pair';
  if (method === 'self_signed_tls_client_auth') return 'a key pair and a self-signed certificate';
  return keySize === undefined
    ? 'the certificate that was brought'
    : 'a key pair and a certificate of the private CA';
}

/** In the run that delivered nothing goes, unless `overlap: 0h` asks for it: then nobody holds any more what was held before. */
function removeAfterDelivery(draft: Draft): void {
  // Nobody but this run can have used the new one yet.
  if (draft.wish.quietWindow !== undefined) return;
  if (draft.wish.overlap !== 0) return;
  const previous = draft.records.filter((c) => draft.mayRemove(c) && c.id !== draft.renews);
  for (const credential of previous) draft.remove(credential, 'retire');
}
