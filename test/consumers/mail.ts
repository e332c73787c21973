/** A mail server that keeps what it is told: as much of SMTP as one message takes. */

import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:tls';
import type { KeyAndCertificate } from '../emulators/tls.ts';

/** What a server of SMTP (RFC 5321) answers to a line that begins so; to any other that all is well. */
const SMTP: readonly [begin: RegExp, answer: string][] = [
  [/^EHLO/, '250-localhost\r\n250 AUTH PLAIN'],
  [/^AUTH/, '334 '],
  [/^AHJvdGF0aW9u/, '235 welcome'],
  [/^DATA$/, '354 go on'],
  // Of the message, which ends with a dot.
  [/^(From|To|Date|Subject): |^https:|^$/, ''],
];

/** As much of SMTP over TLS as one message takes. */
export async function listenForMail(
  tls: KeyAndCertificate,
  stack: AsyncDisposableStack,
): Promise<{ port: number; mail: () => string }> {
  let said = '';
  const server = createServer(tls, (socket) => {
    let rest = '';
    socket.write('220 localhost\r\n');
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => {
      const lines = (rest + chunk).split('\r\n');
      rest = lines.pop() ?? '';
      said += lines.map((line) => `${line}\n`).join('');
      const answers = lines.map((line) => SMTP.find(([begin]) => begin.test(line))?.[1] ?? '250 fine');
      for (const answer of answers.filter(Boolean)) socket.write(`${answer}\r\n`);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  stack.defer(() => void server.close());
  return { port: (server.address() as AddressInfo).port, mail: () => said };
}
