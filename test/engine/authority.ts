/** A private CA as openssl makes one, with a key that can be handed on. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface CertificateAuthority {
  certificate: string;
  privateKey: string;
  /** Signs a request (PEM) for a client, as it asks. */
  sign(request: string): string;
}

export function certificateAuthority(): CertificateAuthority {
  const { certificate, privateKey } = inFolder((openssl, read) => {
    const subject = ['-subj', '/CN=Private CA', '-days', '400', '-addext', 'keyUsage=critical,keyCertSign'];
    openssl(
      'req',
      '-x509',
      '-nodes',
      '-newkey',
      'rsa:2048',
      ...subject,
      '-keyout',
      'ca.key',
      '-out',
      'ca.crt',
    );
    return { certificate: read('ca.crt'), privateKey: read('ca.key') };
  });
  const sign = (request: string) =>
    inFolder((openssl, read, write) => {
      write('ca.crt', certificate);
      write('ca.key', privateKey);
      write('request', request);
      write('extensions', 'basicConstraints=critical,CA:FALSE\nextendedKeyUsage=clientAuth\n');
      const authority = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-days', '90', '-extfile', 'extensions'];
      openssl('x509', '-req', '-in', 'request', ...authority, '-out', 'client.crt');
      return read('client.crt');
    });
  return { certificate, privateKey, sign };
}

type Work<T> = (
  openssl: (...args: string[]) => void,
  read: (name: string) => string,
  write: (name: string, text: string) => void,
) => T;

function inFolder<T>(work: Work<T>): T {
  const folder = mkdtempSync(join(tmpdir(), 'authority-'));
  try {
    return work(
      (...args) => void execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' }),
      (name) => readFileSync(join(folder, name), 'utf8'),
      (name, text) => writeFileSync(join(folder, name), text, { mode: 0o600 }),
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
}
