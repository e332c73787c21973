/** The client's credentials once the run is over: as a chart of their validity, and as a table. */

import { quote } from '../http/json.ts';
import type { Account } from '../report.ts';
import type { PlannedCredential } from '../rotation/draft.ts';
import { CREDENTIAL_TYPES, DAY } from '../rotation/wish.ts';
import { nextRotation } from './headline.ts';
import { day, row } from './markdown.ts';

/** What the client holds once the run is over. */
function credentialsAfter({
  outcome,
  plan,
  state,
  wish,
}: Account): (PlannedCredential & { label: string })[] {
  const made = outcome?.credential;
  const rest = (plan?.credentials ?? [])
    .filter(({ id }) => !outcome?.removed.includes(id) && id !== made?.id)
    .map((c) => ({ ...c, label: made && c.stage === 'current' ? 'previous' : c.stage }));
  if (!made) return rest;
  const added = {
    id: made.id,
    type: CREDENTIAL_TYPES[wish.method],
    name: undefined,
    identity: made.identity,
    createdAt: made.notBefore?.getTime() ?? state?.now ?? 0,
    expiresAt: made.notAfter?.getTime(),
    stage: 'current' as const,
    associated: true,
    heldBy: outcome.delivered,
    label: 'current (new)',
  };
  return [added, ...rest.map((c) => ({ ...c, heldBy: [] }))];
}

export function chart(account: Account): string {
  const rows = credentialsAfter(account).filter((c) => c.associated && c.expiresAt !== undefined);
  if (rows.length === 0) return '';
  const next = nextRotation(account);
  const lines = rows.map((c) => {
    const state = c.stage === 'current' ? (c.label === 'previous' ? 'done, ' : 'active, ') : 'done, ';
    return `    ${c.label} ${c.id.slice(0, 12)} :${state}${day(c.createdAt)}, ${day(Math.max(c.expiresAt ?? 0, c.createdAt + DAY))}`;
  });
  return [
    '```mermaid',
    'gantt',
    '    dateFormat YYYY-MM-DD',
    '    axisFormat %d %b',
    '    section Credentials',
    ...lines,
    ...(next === undefined ? [] : ['    section Plan', `    next rotation :milestone, ${day(next)}, 0d`]),
    '```',
  ].join('\n');
}

export function credentialTable(account: Account): string {
  const rows = credentialsAfter(account);
  if (rows.length === 0) return '';
  return [
    `| Credential | Stage | ${IDENTITIES[account.wish.method]} | Expires | Held by |`,
    '| --- | --- | --- | --- | --- |',
    ...rows.map((c) =>
      row([
        `\`${c.id}\``,
        c.label,
        c.identity ? `\`${shortened(c.identity)}\`` : '–',
        c.expiresAt ? day(c.expiresAt) : '–',
        c.heldBy.join(', ') || '–',
      ]),
    ),
  ].join('\n');
}

const IDENTITIES = {
  self_signed_tls_client_auth: 'Thumbprint',
  tls_client_auth: 'Subject',
  private_key_jwt: 'Key id',
} as const;

/** Digests are long and mean nothing; a subject does not grow that long. */
function shortened(identity: string): string {
  return /^[\w-]{43}$/.test(identity) ? `${identity.slice(0, 12)}…` : quote(identity);
}
