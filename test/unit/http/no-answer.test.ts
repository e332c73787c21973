/** What is said where no service has answered, or somebody else has: what failed, and what helps. */

import { describe, expect, it } from 'vitest';
import {
  describeInterceptor,
  isForeign,
  isIntercepted,
  isPage,
  isRedirect,
} from '../../../src/http/intercepted.ts';
import { noAnswer } from '../../../src/http/no-answer.ts';
import { NetworkError } from '../../../src/http/wire.ts';

const ASKED = { method: 'PUT', url: 'https://api.example:8443/a/b?secret=1' } as const;
const via = (status?: number) => ({ host: 'proxy:3128', variable: 'HTTPS_PROXY', status });
const said = (error: NetworkError) => noAnswer(ASKED, error, 'Look at the network.');

describe('no answer', () => {
  it.each<[string, NetworkError, RegExp, RegExp]>([
    [
      'of the server',
      new NetworkError('ECONNRESET', 'unknown'),
      /^api\.example:8443 gave no answer to PUT \/a\/b \(ECONNRESET\)\.$/,
      /^Look at the network\.$/,
    ],
    [
      'through a proxy',
      new NetworkError('ECONNRESET', 'unknown', undefined, via()),
      /to PUT \/a\/b through the proxy proxy:3128 \(HTTPS_PROXY\) \(ECONNRESET\)\.$/,
      /^Look at the network\.$/,
    ],
    [
      'since the proxy wants a password',
      new NetworkError('PROXY_407', 'no', undefined, via(407)),
      /^The proxy proxy:3128 \(HTTPS_PROXY\) answered 407 and did not connect to api\.example for PUT \/a\/b\.$/,
      /user and a password .* into HTTPS_PROXY .* name api\.example in NO_PROXY/,
    ],
    [
      'since the proxy does not allow it',
      new NetworkError('PROXY_403', 'no', undefined, via(403)),
      /answered 403/,
      /^Let the proxy allow CONNECT to api\.example, or name api\.example in NO_PROXY/,
    ],
    ...[500, 502, 503, 504].map((status): [string, NetworkError, RegExp, RegExp] => [
      `since the proxy could not reach it (${status})`,
      new NetworkError(`PROXY_${status}`, 'no', undefined, via(status)),
      new RegExp(
        `^The proxy proxy:3128 \\(HTTPS_PROXY\\) answered ${status}: it could not reach api\\.example:8443 for PUT /a/b\\.$`,
      ),
      /^Start a new run\. If that does not help, look at the log of the proxy: it must resolve api\.example and connect to it on port 8443\. Or name api\.example in NO_PROXY/,
    ]),
    [
      'since its certificate is of a CA that nobody knows',
      new NetworkError('SELF_SIGNED_CERT_IN_CHAIN', 'no'),
      /^The certificate of api\.example:8443 is not trusted, so PUT \/a\/b was not sent \(SELF_SIGNED/,
      /NODE_EXTRA_CA_CERTS/,
    ],
    [
      'since that, or of a proxy, is',
      new NetworkError('UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'no', undefined, via()),
      /^The certificate of api\.example:8443, or of the proxy proxy:3128, is not trusted/,
      /NODE_EXTRA_CA_CERTS/,
    ],
    [
      'since it is for another name',
      new NetworkError('ERR_TLS_CERT_ALTNAME_INVALID', 'no'),
      /not trusted/,
      /^The certificate is for another name/,
    ],
    [
      'since OpenSSL refuses the certificate of the client',
      new NetworkError('ERR_SSL_EE_KEY_TOO_SMALL', 'no'),
      /^OpenSSL on this runner refuses the client certificate of PUT \/a\/b \(ERR_SSL_EE_KEY_TOO_SMALL\): .* too weak\. Nothing was sent to api\.example:8443\.$/,
      /^Use a certificate with an RSA key of at least 2048 bits/,
    ],
    ['since it is over', new NetworkError('CERT_HAS_EXPIRED', 'no'), /not trusted/, /clock of the runner/],
    [
      'since it has not begun',
      new NetworkError('CERT_NOT_YET_VALID', 'no'),
      /not trusted/,
      /clock of the runner/,
    ],
  ])('%s', (_, error, failed, remedy) => {
    expect(said(error)).toEqual({
      failed: expect.stringMatching(failed),
      remedy: expect.stringMatching(remedy),
    });
    expect(said(error).failed).not.toContain('secret');
  });
});

it('through a proxy that could not reach it names the port of https', () => {
  const error = new NetworkError('PROXY_502', 'no', undefined, via(502));
  expect(noAnswer({ method: 'GET', url: 'https://api.example/x' }, error, '').remedy).toContain('port 443.');
});

describe('an error of the network', () => {
  it.each<[string, boolean]>([
    ['CERT_HAS_EXPIRED', true],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', true],
    ['SELF_SIGNED_CERT_IN_CHAIN', true],
    ['UNABLE_TO_GET_ISSUER_CERT', true],
    ['ERR_TLS_CERT_ALTNAME_INVALID', true],
    ['HOSTNAME_MISMATCH', true],
    ['INVALID_CA', true],
    ['INVALID_PURPOSE', true],
    ['PATH_LENGTH_EXCEEDED', true],
    ['ECONNRESET', false],
    ['X_CERT_', false],
    ['UND_ERR_SOCKET', false],
  ])('%s is of a certificate: %s, and lasts', (code, isUntrusted) => {
    const error = new NetworkError(code, 'no');
    expect([error.isUntrusted, error.isLasting]).toEqual([isUntrusted, isUntrusted]);
    expect(error.message).toBe(code);
  });

  it.each([
    ['ERR_SSL_EE_KEY_TOO_SMALL', true],
    ['ERR_SSL_CA_KEY_TOO_SMALL', true],
    ['ERR_SSL_EE_MD_TOO_WEAK', true],
    ['ERR_SSL_CA_MD_TOO_WEAK', true],
    ['ERR_SSL_DH_KEY_TOO_SMALL', false],
    ['ERR_SSL_TLSV1_ALERT_UNKNOWN_CA', false],
    ['X_ERR_SSL_CA_MD_TOO_WEAK', false],
    ['ERR_SSL_CA_MD_TOO_WEAK_X', false],
  ])('%s is of this runner: %s, and lasts', (code, isLocal) => {
    const error = new NetworkError(code, 'no');
    expect([error.isLocal, error.isLasting]).toEqual([isLocal, isLocal]);
  });

  it.each([
    [399, false],
    [400, true],
    [403, true],
    [407, true],
    [408, false],
    [429, false],
    [499, true],
    [500, false],
    [503, false],
  ])('of a proxy that answers %i lasts: %s', (status, isLasting) => {
    expect(new NetworkError(`PROXY_${status}`, 'no', undefined, via(status)).isLasting).toBe(isLasting);
  });
});

describe("an answer that is not the service's", () => {
  const response = (status: number, headers: Record<string, string> = {}, body = '') => ({
    status,
    headers,
    body,
  });

  it.each([
    [300, false],
    [301, true],
    [302, true],
    [303, true],
    [304, false],
    [305, false],
    [307, true],
    [308, true],
    [200, false],
    [404, false],
  ])('%i is a redirect: %s', (status, isSo) => {
    expect([isRedirect({ status }), isIntercepted(response(status))]).toEqual([isSo, isSo]);
  });

  it.each<[string, Record<string, string>, string, boolean]>([
    ['by its type', { 'content-type': 'text/html; charset=utf-8' }, '{}', true],
    ['by its other type', { 'content-type': 'application/xhtml+xml' }, '', false],
    ['by how it begins', {}, '\n <!DOCTYPE html>', true],
    ['by its html', {}, '<html>', true],
    ['by its head', {}, '<head>', true],
    ['by its body', {}, '<BODY class="x">', true],
    ['by nothing', { 'content-type': 'application/json' }, '{"a":"<html>"}', false],
    ['by a longer name', {}, '<htmlx>', false],
    ['by nothing at all', {}, '', false],
  ])('is a page, %s: %o %s', (_, headers, body, isSo) => {
    expect(isPage(response(200, headers, body))).toBe(isSo);
    expect(isIntercepted(response(200, headers, body))).toBe(isSo);
  });

  it.each<[string, ReturnType<typeof response>, boolean]>([
    ['text', response(403, { 'content-type': 'text/plain' }, 'Blocked'), true],
    ['text that calls itself JSON', response(401, { 'content-type': 'application/json' }, 'Blocked'), true],
    ['XML', response(403, {}, '<?xml version="1.0"?><error>blocked</error>'), true],
    ['nothing', response(403), true],
    ['half of an object', response(403, {}, '{"message":"Forb'), true],
    ['a list', response(403, {}, '[]'), true],
    ['null', response(403, {}, 'null'), true],
    ['text with the first refusal', response(400, {}, 'no'), true],
    ['text with the last refusal', response(499, {}, 'no'), true],
    ['text with 404', response(404, {}, '404 page not found'), true],
    ['an object', response(403, {}, '{"message":"no"}'), false],
    ['an empty object', response(401, {}, '{}'), false],
    ['an empty 404', response(404), false],
    ['a blank 404', response(404, {}, '\r\n'), false],
    ['an empty 304', response(304), false],
    ['an empty 399', response(399), false],
    ['a timeout', response(408, {}, 'Request Timeout'), false],
    ['a rate limit', response(429, {}, 'Too many requests'), false],
    ['a limit that names a wait', response(403, { 'retry-after': '60' }, 'Slow down'), false],
    ['a limit by its words', response(403, {}, 'You have exceeded a secondary rate limit'), false],
    ['an outage', response(500, {}, 'Internal Server Error'), false],
    ['a success', response(204), false],
  ])('is a refusal in another form, %s: %o: %s', (_, answer, isSo) => {
    expect(isForeign(answer)).toBe(isSo);
    expect(isIntercepted(answer)).toBe(isSo);
    expect(describeInterceptor(answer) !== undefined).toBe(isSo);
  });

  it.each<[string, ReturnType<typeof response>, string | undefined]>([
    ['text', response(403, {}, 'Blocked by\npolicy 77'), 'text instead of JSON, "Blocked by policy 77"'],
    ['a long text', response(403, {}, 'x'.repeat(150)), `text instead of JSON, "${'x'.repeat(100)}"`],
    [
      'the words of XML',
      response(403, {}, '<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>'),
      'text instead of JSON, "AccessDenied"',
    ],
    ['XML without a word', response(403, {}, '<error/>'), 'text instead of JSON'],
    ['nothing', response(403, {}, ' \n'), 'an empty answer'],
    [
      'a redirect with its host',
      response(302, { location: 'https://sign-in.example/x?y' }),
      'a redirect to sign-in.example',
    ],
    ['a redirect', response(302, { location: '/x' }), 'a redirect'],
    ['a redirect to nowhere', response(302), 'a redirect'],
    ['a page', response(403, {}, '<html>'), 'an HTML page'],
    [
      'a page by its title',
      response(403, {}, '<html><TITLE lang="en">Sign\nin</title>'),
      'an HTML page, "Sign in"',
    ],
    [
      'a page with a long title',
      response(403, {}, `<html><title>${'x'.repeat(150)}`),
      `an HTML page, "${'x'.repeat(100)}"`,
    ],
    ['nothing of the kind', response(403, {}, '{}'), undefined],
  ])('is reported as %s', (_, answer, words) => {
    expect(describeInterceptor(answer)).toBe(words);
  });
});
