/** Explains why there was no answer, and what to do. */

import type { Explanation } from '../errors.ts';
import { pathOf } from './service.ts';
import type { HttpRequest, NetworkError } from './wire.ts';

/** What failed and what to do. @param remedy for a failure of the network itself, and not of a proxy or a certificate */
export function noAnswer(
  { method, url }: Pick<HttpRequest, 'method' | 'url'>,
  error: NetworkError,
  remedy: string,
): Pick<Explanation, 'failed' | 'remedy'> {
  const { host, hostname, port } = new URL(url);
  const call = `${method} ${pathOf(url)}`;
  if (error.via?.status !== undefined) return failedAtProxy(error.via, { call, host, hostname, port });
  if (error.isUntrusted) return untrusted(error, { call, host });
  if (error.isLocal)
    return {
      failed: `OpenSSL on this runner refuses the client certificate of ${call} (${error.code}): the key or the digest of that certificate, or of one of its CAs, is too weak. Nothing was sent to ${host}.`,
      remedy: 'Use a certificate with an RSA key of at least 2048 bits, and have it signed with SHA-256.',
    };
  const through = error.via ? ` through the proxy ${error.via.host} (${error.via.variable})` : '';
  return {
    failed: `${host} gave no answer to ${call}${through} (${error.code}).`,
    remedy,
  };
}

interface Asked {
  /** Method and path. */
  call: string;
  host: string;
}

function failedAtProxy(
  { host: proxy, status = 0, variable }: NonNullable<NetworkError['via']>,
  { call, host, hostname, port }: Asked & { hostname: string; port: string },
): Pick<Explanation, 'failed' | 'remedy'> {
  const answered = `The proxy ${proxy} (${variable}) answered ${status}`;
  const around = `name ${hostname} in NO_PROXY if it can be reached without the proxy.`;
  if (status >= 500)
    return {
      failed: `${answered}: it could not reach ${host} for ${call}.`,
      remedy: `Start a new run. If that does not help, look at the log of the proxy: it must resolve ${hostname} and connect to it on port ${port || 443}. Or ${around}`,
    };
  const failed = `${answered} and did not connect to ${hostname} for ${call}.`;
  if (status === 407)
    return {
      failed,
      remedy: `Put a user and a password that the proxy accepts into ${variable} (http://user:password@host:port), or ${around}`,
    };
  return { failed, remedy: `Let the proxy allow CONNECT to ${hostname}, or ${around}` };
}

function untrusted(error: NetworkError, { call, host }: Asked): Pick<Explanation, 'failed' | 'remedy'> {
  const { code } = error;
  const where = error.via ? `${host}, or of the proxy ${error.via.host},` : host;
  const failed = `The certificate of ${where} is not trusted, so ${call} was not sent (${code}).`;
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID')
    return {
      failed,
      remedy: `The certificate is for another name. Check the host, and which server answers there.`,
    };
  if (code === 'CERT_HAS_EXPIRED' || code === 'CERT_NOT_YET_VALID')
    return { failed, remedy: `Have the certificate renewed, and check the clock of the runner.` };
  return {
    failed,
    remedy:
      'Set NODE_EXTRA_CA_CERTS in the env of the step to a PEM file with the CA that signed it (docs/troubleshooting.md, "A private CA"). NODE_TLS_REJECT_UNAUTHORIZED has no effect.',
  };
}
