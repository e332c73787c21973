import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, request } from 'undici';
import { afterEach, describe, expect, it } from 'vitest';
import { type Emulator, json } from './emulator.ts';
import { type Exchange, type Fault, type Handler, type Served, type ServeOptions, serve } from './serve.ts';
import { createAuthority } from './tls.ts';

const authority = createAuthority();
const open: AsyncDisposable[] = [];
afterEach(async () => {
  for (const resource of open.splice(0)) await resource[Symbol.asyncDispose]();
});

/** Counts what has landed. */
function counter(): Emulator & { landed: number } {
  return {
    landed: 0,
    handle({ method, path, headers, body }) {
      this.landed += 1;
      if (method === 'DELETE') return json(204, undefined, Date.now());
      return json(200, { method, path, body, agent: headers['x-test'] }, 0);
    },
  };
}

async function start(handler: Handler, options: ServeOptions = {}): Promise<Served> {
  const served = await serve(handler, options);
  open.push(served);
  return served;
}

function client(options: ConstructorParameters<typeof Agent>[0] = {}): Agent {
  const agent = new Agent(options);
  open.push({ [Symbol.asyncDispose]: () => agent.destroy() });
  return agent;
}

async function post(url: string, dispatcher: Agent, headersTimeout = 5000) {
  const headers = { 'x-test': 'yes' };
  const answer = await request(url, { method: 'POST', body: 'hello', headers, dispatcher, headersTimeout });
  return { status: answer.statusCode, headers: answer.headers, body: await answer.body.text() };
}

async function withFault(fault: Fault) {
  const emulator = counter();
  const exchanges: Exchange[] = [];
  const served = await start(emulator, { fault: () => fault, onExchange: (entry) => exchanges.push(entry) });
  return { emulator, exchanges, served, dispatcher: client() };
}

describe('serve', () => {
  it('hands an emulator the whole request and its client the whole answer, with the Date of the service', async () => {
    const served = await start(counter());
    const answer = await post(`${served.url}/a?b=c`, client());
    expect(answer.status).toBe(200);
    expect(JSON.parse(answer.body)).toEqual({ method: 'POST', path: '/a?b=c', body: 'hello', agent: 'yes' });
    expect(answer.headers.date).toBe('Thu, 01 Jan 1970 00:00:00 GMT');
  });

  it('answers 204 without a body and keeps the connection', async () => {
    const ports = new Set<number | undefined>();
    const emulator = counter();
    const served = await start((incoming, response) => {
      ports.add(incoming.socket.remotePort);
      response
        .writeHead(emulator.handle({ method: 'DELETE', path: '/', headers: {}, body: '' }).status)
        .end();
    });
    const dispatcher = client({ connections: 1 });
    for (let turn = 0; turn < 3; turn += 1) {
      const answer = await request(served.url, { method: 'DELETE', dispatcher });
      expect([answer.statusCode, await answer.body.text()]).toEqual([204, '']);
    }
    expect(ports.size).toBe(1);
  });

  it('serves https with a certificate that the authority file makes trusted, and by nothing else', async () => {
    const served = await start(counter(), { tls: authority.serverCertificate() });
    const directory = mkdtempSync(join(tmpdir(), 'sandbox-ca-'));
    const ca = readFileSync(authority.writeCaFile(directory), 'utf8');
    rmSync(directory, { recursive: true });
    expect(ca).not.toContain('PRIVATE');
    expect((await post(served.url, client({ connect: { ca } }))).status).toBe(200);
    expect((await post(`https://127.0.0.1:${served.port}`, client({ connect: { ca } }))).status).toBe(200);
    await expect(post(served.url, client())).rejects.toThrow(/certificate/);
  });

  it('hands a listener the whole request, and its client every line of the answer', async () => {
    const served = await start(async (incoming, response) => {
      const body = (await incoming.toArray()).join('');
      response.setHeader('x-lines', ['one', 'two']);
      response.writeHead(201, { 'x-length': `${incoming.headers['content-length']}` });
      response.write(`${incoming.method} ${incoming.url} `);
      response.end(body);
    });
    const answer = await post(`${served.url}/a?b=c`, client());
    expect(answer).toMatchObject({
      status: 201,
      headers: { 'x-lines': 'one, two', 'x-length': '5' },
      body: 'POST /a?b=c hello',
    });
  });

  it('opens each connection as late as it is told, and no request of an open one', async () => {
    const opening = Promise.withResolvers<void>();
    let opened = 0;
    const emulator = counter();
    const served = await serve(emulator, {
      tls: authority.serverCertificate(),
      connectMs() {
        opened += 1;
        opening.resolve();
        // The first is never opened.
        return opened === 1 ? 3_600_000 : 1;
      },
    });
    const connections = { connections: 1, connect: { ca: authority.pem } };
    const waiting = post(served.url, client(connections)).catch((error: Error) => error);
    await Promise.race([opening.promise, waiting]);
    expect([opened, emulator.landed]).toEqual([1, 0]);
    const second = client(connections);
    for (let turn = 0; turn < 2; turn += 1) expect((await post(served.url, second)).status).toBe(200);
    expect([opened, emulator.landed]).toEqual([2, 2]);
    await served[Symbol.asyncDispose]();
    expect(await waiting).toBeInstanceOf(Error);
  });

  it('is idle when what arrived meanwhile is done, too', async () => {
    const gates = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    let arrived = 0;
    const served = await start(async (_, response) => {
      const gate = gates[arrived];
      arrived += 1;
      await gate?.promise;
      response.end();
    });
    const first = post(served.url, client());
    await expect.poll(() => arrived).toBe(1);
    let isIdle = false;
    const idle = served.idle().then(() => {
      isIdle = true;
    });
    const second = post(served.url, client());
    await expect.poll(() => arrived).toBe(2);
    gates[0]?.resolve();
    await first;
    await sleep(20);
    expect(isIdle).toBe(false);
    gates[1]?.resolve();
    await Promise.all([second, idle]);
  });

  it('routes one origin to an emulator and to a listener', async () => {
    const emulator = counter();
    const served = await start({
      route: ({ path }) => (path.startsWith('/api/') ? emulator : (_, response) => response.end('listener')),
    });
    const dispatcher = client();
    expect((await post(`${served.url}/other`, dispatcher)).body).toBe('listener');
    expect((await post(`${served.url}/api/v2`, dispatcher)).body).toContain('hello');
    expect(emulator.landed).toBe(1);
  });

  it('says what broke when a handler throws, and lives on', async () => {
    const served = await start(async (incoming, response) => {
      if (incoming.url === '/bad') throw new Error('broken');
      response.end('fine');
    });
    const dispatcher = client();
    expect(await post(`${served.url}/bad`, dispatcher)).toMatchObject({
      status: 500,
      body: 'sandbox defect: Error: broken',
    });
    expect((await post(served.url, dispatcher)).body).toBe('fine');
  });

  it('refuses a body beyond its bound', async () => {
    const emulator = counter();
    const served = await start(emulator);
    const body = 'x'.repeat(1024 * 1024 + 1);
    const answer = await request(served.url, { method: 'POST', body, dispatcher: client() });
    expect(answer.statusCode).toBe(413);
    await answer.body.dump();
    expect(emulator.landed).toBe(0);
  });

  it('adds the latency and writes the transcript', async () => {
    const exchanges: Exchange[] = [];
    const served = await start(counter(), {
      latencyMs: () => 40,
      onExchange: (entry) => exchanges.push(entry),
    });
    await post(`${served.url}/x`, client());
    expect(exchanges).toHaveLength(1);
    expect(exchanges[0]).toMatchObject({
      method: 'POST',
      path: '/x',
      requestBody: 'hello',
      status: 200,
      landed: 200,
      fault: undefined,
    });
    expect(exchanges[0]?.requestHeaders['x-test']).toBe('yes');
    expect(exchanges[0]?.responseBody).toContain('hello');
    expect(exchanges[0]?.durationMs).toBeGreaterThanOrEqual(35);
  });

  it('closes at once, whatever is under way', async () => {
    const served = await serve(counter(), {
      tls: authority.serverCertificate(),
      // Whoever waits for that runs into the test's time limit.
      fault: () => ({ kind: 'late', delayMs: 3_600_000 }),
    });
    const halfOpen = connect(served.port, '127.0.0.1');
    halfOpen.on('error', () => {});
    const waiting = post(served.url, client({ connect: { ca: authority.pem } })).catch(
      (error: Error) => error,
    );
    await sleep(50);
    await served[Symbol.asyncDispose]();
    expect(await waiting).toBeInstanceOf(Error);
  });
});

describe('faults', () => {
  it('late: never lands once the server is closed', async () => {
    const emulator = counter();
    const arrived = Promise.withResolvers<void>();
    const fault = (): Fault => {
      arrived.resolve();
      return { kind: 'late', delayMs: 150 };
    };
    const served = await serve(emulator, { fault });
    const waiting = post(served.url, client()).catch((error: Error) => error);
    await arrived.promise;
    await served[Symbol.asyncDispose]();
    expect(await waiting).toBeInstanceOf(Error);
    await sleep(150);
    expect(emulator.landed).toBe(0);
  });

  it('answer: in the place of the service', async () => {
    const response = { status: 503, headers: { 'retry-after': '1' }, body: 'busy' };
    const { emulator, exchanges, served, dispatcher } = await withFault({ kind: 'answer', response });
    const answer = await post(served.url, dispatcher);
    expect([answer.status, answer.headers['retry-after'], answer.body]).toEqual([503, '1', 'busy']);
    expect(emulator.landed).toBe(0);
    expect(exchanges[0]).toMatchObject({ status: 503, landed: undefined, fault: 'answer' });
  });

  it('drop: nothing has landed, nothing is answered', async () => {
    const { emulator, exchanges, served, dispatcher } = await withFault({ kind: 'drop' });
    await expect(post(served.url, dispatcher)).rejects.toMatchObject({ code: 'UND_ERR_SOCKET' });
    expect(emulator.landed).toBe(0);
    expect(exchanges[0]).toMatchObject({ status: undefined, landed: undefined, fault: 'drop' });
  });

  it('lose: landed, but nothing is answered', async () => {
    const { emulator, exchanges, served, dispatcher } = await withFault({ kind: 'lose' });
    await expect(post(served.url, dispatcher)).rejects.toMatchObject({ code: 'UND_ERR_SOCKET' });
    expect(emulator.landed).toBe(1);
    expect(exchanges[0]).toMatchObject({ status: undefined, landed: 200, fault: 'lose' });
  });

  it('late: lands after its client has given up', async () => {
    const abort = new AbortController();
    const emulator = counter();
    const exchanges: Exchange[] = [];
    const fault = (): Fault => {
      abort.abort();
      return { kind: 'late', delayMs: 300 };
    };
    const served = await start(emulator, { fault, onExchange: (entry) => exchanges.push(entry) });
    const sent = request(served.url, { method: 'POST', dispatcher: client(), signal: abort.signal });
    await expect(sent).rejects.toThrow();
    expect(emulator.landed).toBe(0);
    await served.idle();
    expect(emulator.landed).toBe(1);
    expect(exchanges[0]).toMatchObject({ landed: 200, fault: 'late' });
  });

  it('slow: lands at once, is answered later', async () => {
    const { emulator, served, dispatcher } = await withFault({ kind: 'slow', delayMs: 250 });
    const before = Date.now();
    const answer = post(served.url, dispatcher);
    await expect.poll(() => emulator.landed).toBe(1);
    expect((await answer).status).toBe(200);
    expect(Date.now() - before).toBeGreaterThanOrEqual(240);
  });

  it('garble: landed, with an answer that nobody can use', async () => {
    const html = await withFault({ kind: 'garble', as: 'html' });
    const page = await post(html.served.url, html.dispatcher);
    expect([page.status, page.headers['content-type']]).toEqual([200, 'text/html; charset=utf-8']);
    expect(page.body).toMatch(/^<!DOCTYPE html>/);

    const half = await withFault({ kind: 'garble', as: 'half-json' });
    const torn = await post(half.served.url, half.dispatcher);
    expect(torn.headers['content-type']).toContain('application/json');
    expect(() => JSON.parse(torn.body)).toThrow();
    expect(torn.body.length).toBeGreaterThan(1);

    const empty = await withFault({ kind: 'garble', as: 'empty' });
    expect((await post(empty.served.url, empty.dispatcher)).body).toBe('');
    expect([html, half, empty].map(({ emulator }) => emulator.landed)).toEqual([1, 1, 1]);
  });
});
