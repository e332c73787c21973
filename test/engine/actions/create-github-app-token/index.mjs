import { createPrivateKey, sign } from 'node:crypto';
import { appendFileSync } from 'node:fs';
import { EOL } from 'node:os';

const { APP_URL, GITHUB_OUTPUT, GITHUB_REPOSITORY = '', GITHUB_STATE, STATE_token: token } = process.env;
const input = (name) => (process.env[`INPUT_${name.toUpperCase()}`] ?? '').trim();

async function ask(path, authorization, body) {
  const response = await fetch(`${APP_URL}${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${authorization}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`the app answered ${response.status}: ${text}`);
  return JSON.parse(text);
}

/** An app logs in by an assertion that its key signs. */
function assertion() {
  const now = Math.floor(Date.now() / 1000);
  const claims = { iss: input('client-id'), iat: now - 30, exp: now + 300 };
  const signed = [{ alg: 'RS256', typ: 'JWT' }, claims]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.');
  const signature = sign('RSA-SHA256', Buffer.from(signed), createPrivateKey(input('private-key')));
  return `${signed}.${signature.toString('base64url')}`;
}

const PERMISSION = 'INPUT_PERMISSION-';

async function create() {
  const [owner, repository] = GITHUB_REPOSITORY.split('/');
  const permissions = Object.entries(process.env)
    .filter(([name, value]) => name.startsWith(PERMISSION) && value !== '')
    .map(([name, value]) => [name.slice(PERMISSION.length).toLowerCase().replaceAll('-', '_'), value]);
  const named = input('repositories')
    .split(/[\s,]+/)
    .filter(Boolean);
  const answer = await ask('/tokens', assertion(), {
    owner: input('owner') || owner,
    // An owner alone means all of its repositories, neither means the one that runs.
    repositories: named.length > 0 || input('owner') !== '' ? named : [repository],
    permissions: Object.fromEntries(permissions),
  });
  process.stdout.write(`::add-mask::${answer.token}${EOL}`);
  appendFileSync(GITHUB_OUTPUT, `token=${answer.token}${EOL}`);
  appendFileSync(GITHUB_STATE, `token=${answer.token}${EOL}`);
}

try {
  await (token ? ask('/revocations', token, {}) : create());
} catch (error) {
  process.stdout.write(`::error::${error.message}${EOL}`);
  process.exitCode = 1;
}
