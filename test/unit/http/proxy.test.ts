/** Which proxy is asked, held to the curl of this machine: the same environments, the same decisions. */

import { execFile } from 'node:child_process';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findProxy, proxySecrets } from '../../../src/http/proxy.ts';

type Environment = Record<string, string>;

/** A server that remembers the first bytes of each connection, and answers nothing. */
async function recorder(): Promise<{ port: number; heard: string[]; close: () => void }> {
  const heard: string[] = [];
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('data', (chunk) => {
      heard.push(chunk.toString('latin1'));
      socket.destroy();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, resolve));
  const close = () => {
    for (const socket of sockets) socket.destroy();
    server.close();
  };
  return { port: (server.address() as AddressInfo).port, heard, close };
}

let target: Awaited<ReturnType<typeof recorder>>;
let first: Awaited<ReturnType<typeof recorder>>;
let second: Awaited<ReturnType<typeof recorder>>;

beforeAll(async () => {
  [target, first, second] = await Promise.all([recorder(), recorder(), recorder()]);
});
afterAll(() => {
  for (const one of [target, first, second]) one.close();
});

const filled = (text: string) =>
  text
    .replaceAll('{T}', `${target.port}`)
    .replaceAll('{A}', `proxy.test:${first.port}`)
    .replaceAll('{B}', `other.test:${second.port}`);
/** In a table `{A}` and `{B}` are the proxies, `{T}` is the port of the target. */
const fill = (environment: Environment): Environment =>
  Object.fromEntries(Object.entries(environment).map(([name, value]) => [name, filled(value)]));

interface Decision {
  /** Where the connection goes: `direct`, `A` or `B`. */
  via: string;
  authorization: string | undefined;
}

async function byCurl(environment: Environment, url: string): Promise<Decision> {
  for (const { heard } of [target, first, second]) heard.length = 0;
  const { hostname } = new URL(url);
  const resolve = [
    `proxy.test:${first.port}:127.0.0.1`,
    `other.test:${second.port}:127.0.0.1`,
    ...(hostname.startsWith('[') ? [] : [`${hostname}:${target.port}:127.0.0.1`]),
  ].flatMap((line) => ['--resolve', line]);
  await new Promise<void>((done) => {
    const options = { env: { PATH: process.env.PATH ?? '', ...environment } };
    execFile('curl', ['-sk', '--max-time', '5', ...resolve, url], options, () => done());
  });
  const [via, heard] = Object.entries({ direct: target.heard, A: first.heard, B: second.heard }).find(
    ([, one]) => one.length > 0,
  ) ?? ['nowhere', []];
  return { via, authorization: /^proxy-authorization: (.*)\r$/im.exec(heard[0] ?? '')?.[1] };
}

function byAction(environment: Environment, url: string): Decision {
  const proxy = findProxy(environment, new URL(url));
  const ports: Record<string, string> = { [first.port]: 'A', [second.port]: 'B' };
  const via = proxy === undefined ? 'direct' : (ports[new URL(proxy.origin).port] ?? 'nowhere');
  return { via, authorization: proxy?.authorization };
}

const GHES = 'https://ghes.corp.example:{T}/';
const through = (NO_PROXY: string): Environment => ({ HTTPS_PROXY: 'http://{A}', NO_PROXY });

/** Each environment, whom curl asks, and the address where it is not GHES. */
const AS_CURL: [Environment, string, string?][] = [
  [{}, 'direct'],
  [{ HTTPS_PROXY: 'http://{A}' }, 'A'],
  [{ https_proxy: 'http://{A}' }, 'A'],
  [{ https_proxy: 'http://{A}', HTTPS_PROXY: 'http://{B}' }, 'A'],
  [{ https_proxy: '', HTTPS_PROXY: 'http://{B}' }, 'B'],
  [{ HTTPS_PROXY: '' }, 'direct'],
  // C1
  [{ HTTPS_PROXY: '{A}' }, 'A'],
  [{ HTTPS_PROXY: 'HTTP://{A}' }, 'A'],
  [{ HTTPS_PROXY: 'http://{A}/' }, 'A'],
  [{ HTTPS_PROXY: 'http://{A}/a/path' }, 'A'],
  [{ HTTPS_PROXY: 'http://svc:secret@{A}' }, 'A'],
  [{ HTTPS_PROXY: 'svc:secret@{A}' }, 'A'],
  [{ HTTPS_PROXY: 'http://svc:pa%23ss@{A}' }, 'A'],
  [{ HTTPS_PROXY: 'http://svc:pa:ss@{A}' }, 'A'],
  [{ HTTPS_PROXY: 'http://svc:@{A}' }, 'A'],
  [{ HTTPS_PROXY: 'http://svc@{A}' }, 'A'],
  [{ HTTPS_PROXY: 'http://s%C3%BCc:p%C3%A4ss@{A}' }, 'A'],
  // C5
  [{ http_proxy: 'http://{A}' }, 'direct'],
  [{ HTTP_PROXY: 'http://{A}' }, 'direct'],
  [{ http_proxy: 'http://{A}' }, 'A', 'http://ghes.corp.example:{T}/'],
  [{ HTTP_PROXY: 'http://{A}' }, 'direct', 'http://ghes.corp.example:{T}/'],
  [{ HTTPS_PROXY: 'http://{A}' }, 'direct', 'http://ghes.corp.example:{T}/'],
  [{ ALL_PROXY: 'http://{A}' }, 'A'],
  [{ all_proxy: '{A}' }, 'A'],
  [{ all_proxy: 'http://{A}', ALL_PROXY: 'http://{B}' }, 'A'],
  [{ HTTPS_PROXY: 'http://{A}', all_proxy: 'http://{B}' }, 'A'],
  [{ http_proxy: 'http://{A}', ALL_PROXY: 'http://{B}' }, 'B'],
  // C3
  [through('corp.example'), 'direct'],
  [through('.corp.example'), 'direct'],
  [through('ghes.corp.example'), 'direct'],
  [through('.ghes.corp.example'), 'direct'],
  [through('example'), 'direct'],
  [through('GHES.Corp.Example'), 'direct'],
  [through('corp.example.'), 'direct'],
  [through('hes.corp.example'), 'A'],
  [through('orp.example'), 'A'],
  [through('other.example'), 'A'],
  [through('a.ghes.corp.example'), 'A'],
  [through('a.test,corp.example'), 'direct'],
  [through('a.test, corp.example'), 'direct'],
  [through(' corp.example , b.test'), 'direct'],
  [through('a.test corp.example'), 'direct'],
  [through(',,corp.example,'), 'direct'],
  [through('a.test,b.test'), 'A'],
  [through(''), 'A'],
  [through('*'), 'direct'],
  [through('.'), 'A'],
  [{ ...through('corp.example'), no_proxy: 'b.test' }, 'A'],
  [{ ...through('b.test'), no_proxy: 'corp.example' }, 'direct'],
  [{ ...through('corp.example'), no_proxy: '' }, 'direct'],
  [{ ALL_PROXY: 'http://{A}', no_proxy: 'corp.example' }, 'direct'],
  [through('corp.example'), 'direct', 'https://ghes.corp.example.:{T}/'],
  [through('localhost'), 'A', 'https://127.0.0.1:{T}/'],
  [through('127.0.0.1'), 'direct', 'https://127.0.0.1:{T}/'],
  [through('127.0.0.2'), 'A', 'https://127.0.0.1:{T}/'],
  [through('0.0.1'), 'A', 'https://127.0.0.1:{T}/'],
  [through('127.0.0.0/8'), 'direct', 'https://127.0.0.1:{T}/'],
  [through('127.0.0.0/31'), 'direct', 'https://127.0.0.1:{T}/'],
  [through('127.0.0.2/31'), 'A', 'https://127.0.0.1:{T}/'],
  [through('127.0.0.1/32'), 'direct', 'https://127.0.0.1:{T}/'],
  [through('127.9.9.9/8'), 'direct', 'https://127.0.0.1:{T}/'],
  [through('10.0.0.0/8,127.0.0.0/20'), 'direct', 'https://127.0.0.1:{T}/'],
  [through('127.0.0.0/33'), 'A', 'https://127.0.0.1:{T}/'],
  [through('127.0.0.0/8'), 'A'],
  [through('::1'), 'direct', 'https://[::1]:{T}/'],
  [through('fe80::/10'), 'A', 'https://[::1]:{T}/'],
  [through('127.0.0.1'), 'A', 'https://[::1]:{T}/'],
];

describe('the proxy of an address', () => {
  it.each(AS_CURL)('is that of curl with %j: %s', async (environment, via, address = GHES) => {
    const [given, url] = [fill(environment), filled(address)];
    const curl = await byCurl(given, url);
    expect(curl.via).toBe(via);
    expect(byAction(given, url)).toEqual(curl);
  });

  // golang.org/x/net/http/httpproxy, config.go. curl compares ports and `*.` with the whole name, so that they never match;
  // before version 8 it knows no network of IPv6, and a password ends at its first @.
  it.each<[Environment, string, string?]>([
    [through('ghes.corp.example:{T}'), 'direct'],
    [through('corp.example:{T}'), 'direct'],
    [through('corp.example:1'), 'A'],
    [through('127.0.0.1:{T}'), 'direct', 'https://127.0.0.1:{T}/'],
    [through('127.0.0.1:1'), 'A', 'https://127.0.0.1:{T}/'],
    [{ HTTPS_PROXY: 'http://svc:pa@ss@{A}' }, 'A'],
    [through('::/64'), 'direct', 'https://[::1]:{T}/'],
    [through('[::1]'), 'direct', 'https://[::1]:{T}/'],
    [through('[::1]:{T}'), 'direct', 'https://[::1]:{T}/'],
    [through('[::1]:1'), 'A', 'https://[::1]:{T}/'],
    [through('*.corp.example'), 'direct'],
    [through('*.corp.example:{T}'), 'direct'],
    [through('a.test,*'), 'direct'],
    [through('api.github.com:443'), 'direct', 'https://api.github.com/'],
    [through('api.github.com:80'), 'A', 'https://api.github.com/'],
  ])('is that of Go with %j: %s', (environment, via, address = GHES) => {
    expect(byAction(fill(environment), filled(address)).via).toBe(via);
  });

  it.each(['corp.example', '.corp.example', 'ghes.corp.example'])(
    'is none for what is below %s',
    async (list) => {
      const [environment, url] = [fill(through(list)), filled(GHES)];
      expect(await byCurl(environment, url)).toEqual({ via: 'direct', authorization: undefined });
      expect(findProxy(environment, new URL(url))).toBeUndefined();
    },
  );

  it('has the port of its scheme if none is named, as for Go and the runner itself', () => {
    const url = new URL('https://api.github.com/');
    expect(findProxy({ HTTPS_PROXY: 'proxy.test' }, url)?.origin).toBe('http://proxy.test');
    expect(findProxy({ HTTPS_PROXY: 'https://proxy.test' }, url)?.origin).toBe('https://proxy.test');
  });

  it.each([
    ['socks5://proxy.test:1080', 'names a kind of proxy'],
    ['ftp://proxy.test', 'names a kind of proxy'],
    ['http://svc:pa#ss@proxy.test:3128', 'is not host:port or a URL'],
    ['svc:pa#ss@proxy.test:3128', 'is not host:port or a URL'],
    ['http://svc:12#ss@proxy.test:3128', 'has a character in its password'],
    ['http://svc:12/ss@proxy.test:3128', 'has a character in its password'],
    ['http://svc:12?ss@proxy.test:3128', 'has a character in its password'],
    ['http://proxy.test:99999', 'is not host:port or a URL'],
    ['http://', 'is not host:port or a URL'],
    ['not a proxy', 'is not host:port or a URL'],
  ])('of %s is INVALID_INPUT without its password', (HTTPS_PROXY, what) => {
    const url = new URL('https://api.github.com/');
    let thrown: unknown;
    try {
      findProxy({ HTTPS_PROXY }, url);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toMatchObject({ code: 'INVALID_INPUT', message: expect.stringContaining(what) });
    expect(`${(thrown as Error).message}${(thrown as Error).cause}`).not.toMatch(/svc|ss@|pa#/);
    expect(findProxy({ HTTPS_PROXY, NO_PROXY: '*' }, url)).toBeUndefined();
  });
});

describe('the password of a proxy', () => {
  it.each<[string, string[]]>([
    ['http://svc:pa#ss@proxy:3128', ['pa#ss', 'c3ZjOnBhI3Nz']],
    ['svc:pa%23ss@proxy:3128', ['pa%23ss', 'pa#ss', 'c3ZjOnBhI3Nz']],
    ['http://svc:pa@ss@proxy', ['pa@ss', 'c3ZjOnBhQHNz']],
    ['https://a-token@proxy', ['a-token', 'YS10b2tlbjo=']],
    ['socks5://u:%zz@proxy', ['%zz', 'dToleno=']],
    [' http://svc:pa#ss@proxy:3128\n', ['pa#ss', 'c3ZjOnBhI3Nz']],
    ['http://proxy:3128', []],
  ])('in %s is a secret in every form', (value, secrets) => {
    for (const name of ['HTTPS_PROXY', 'https_proxy', 'HTTP_PROXY', 'http_proxy', 'ALL_PROXY', 'all_proxy'])
      expect(proxySecrets({ [name]: value })).toEqual(secrets);
  });
});
