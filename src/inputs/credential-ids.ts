/** Reads which credentials may be removed and which must stay, by their ids. */

import type { DesiredState } from '../model/desired-state.ts';
import { oneLine } from '../model/markdown.ts';
import type { Reader } from './reader.ts';

/** Auth0 writes `cred_` and base62. */
const CREDENTIAL_ID = /^cred_\w+$/;

export function readCredentialIds(
  reader: Reader,
): Pick<DesiredState, 'keepCredentials' | 'removableCredentials'> {
  const keepCredentials = readIds(reader, 'keep-credentials');
  const removableCredentials = readIds(reader, 'removable-credentials');
  const both = [...removableCredentials].filter((id) => keepCredentials.has(id));
  if (both.length > 0)
    reader.problem('removable-credentials', `names ${both.join(', ')}, which keep-credentials names as well`);
  return { keepCredentials, removableCredentials };
}

/** The ids are separated by spaces, commas or lines, or a JSON array such as the output `removed-credential-ids`. */
function readIds(reader: Reader, name: string): ReadonlySet<string> {
  const text = reader.text(name) ?? '';
  const ids = text.startsWith('[') ? ofJson(text) : text.split(/[\s,]+/).filter(Boolean);
  if (ids === undefined) {
    reader.problem(name, `begins with '[' but is not a JSON array of strings; write ids such as ${EXAMPLE}`);
    return new Set();
  }
  const wrong = ids.filter((id) => !CREDENTIAL_ID.test(id));
  if (wrong.length > 0)
    reader.problem(
      name,
      `has ${wrong.map((id) => `'${oneLine(id)}'`).join(', ')}, which ${wrong.length > 1 ? 'are not credential ids' : 'is not a credential id'}; write ids such as ${EXAMPLE}`,
    );
  return new Set(ids);
}

const EXAMPLE = 'cred_dmZiUTNfpCbH6JRNzxDPSN';

function ofJson(text: string): string[] | undefined {
  try {
    const ids: unknown = JSON.parse(text);
    return Array.isArray(ids) && ids.every((id) => typeof id === 'string') ? ids : undefined;
  } catch {
    return undefined;
  }
}
