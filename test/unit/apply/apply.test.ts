/** Whole runs in this process, in virtual time: what they change, in which order, and what is true where one of the steps fails. */

import { describe, expect, it } from 'vitest';
import type { RunResult } from '../../../src/model/run-result.ts';
import type { Asked } from '../../protocol/scenarios.ts';
import { type Instead, Road } from '../../support/road.ts';

const PEM = 'AUTH0_MTLS_PEM';
const REFUSED: Instead = { status: 403 };
/** A token endpoint that knows nobody. */
const NOBODY: Instead = { status: 401, body: '{"error":"access_denied","error_description":"Unauthorized"}' };

const stateNow = ({ error }: RunResult) => error?.stateNow ?? '';
const stays = (road: Road, ...labels: string[]) =>
  expect([road.pool, road.associated]).toEqual([labels, labels]);

describe('a run without faults', () => {
  it.each<[string, string, Partial<Asked>, string[], string[], string[]]>([
    [
      'rotates: makes place, proves, delivers',
      'settled',
      {},
      ['PATCH client [C1]', 'DELETE credential P1', 'POST pool', 'PATCH client [C1,R1]', `PUT repo ${PEM}`],
      ['C1', 'R1'],
      ['R1'],
    ],
    [
      'delivers the pair first, and its parts after it',
      'ours alone',
      { parts: true },
      [
        'POST pool',
        'PATCH client [C1,R1]',
        `PUT repo ${PEM}`,
        'PUT repo AUTH0_KEY',
        'PUT repo AUTH0_CERTIFICATE',
      ],
      ['C1', 'R1'],
      ['R1', 'R1', 'R1'],
    ],
    [
      'revokes what it has replaced, after the delivery',
      'ours alone',
      { revoke: true },
      ['POST pool', 'PATCH client [C1,R1]', `PUT repo ${PEM}`, 'PATCH client [R1]', 'DELETE credential C1'],
      ['R1'],
      ['R1'],
    ],
    [
      'rehearses, and leaves nothing',
      'ours alone',
      { operation: 'rehearse' },
      ['POST pool', 'PATCH client [C1,R1]', 'PATCH client [C1]', 'DELETE credential R1'],
      ['C1'],
      ['C1'],
    ],
    [
      'enrolls',
      'client secret',
      { operation: 'enroll', force: false },
      ['POST pool', 'PATCH client [R1]', `PUT repo ${PEM}`],
      ['R1'],
      ['R1'],
    ],
    [
      'reverts: ends the binding, then the method, then what is left',
      'settled, bound',
      { operation: 'revert', force: false },
      ['PATCH client', 'PATCH client', 'DELETE credential P1', 'DELETE credential C1'],
      [],
      ['C1'],
    ],
    [
      'binds tokens before it proves',
      'ours alone',
      { binding: 'required' },
      ['POST pool', 'PATCH client [C1,R1]', 'PATCH client', `PUT repo ${PEM}`],
      ['C1', 'R1'],
      ['R1'],
    ],
    [
      'finishes the delivery of another one',
      'partly delivered',
      { force: false },
      [`PUT env ${PEM}`],
      ['P1', 'C1'],
      ['C1', 'C1'],
    ],
  ])('%s', async (_, start, asked, writes, associated, held) => {
    const road = await Road.begin(start, asked);
    const { error, outcome } = await road.run();
    expect(error).toBeUndefined();
    expect(road.writes).toEqual(writes);
    expect(road.associated).toEqual(associated);
    expect(road.held).toEqual(held);
    expect(outcome?.steps.filter((step) => step.outcome !== 'done')).toEqual([]);
  });

  it('probes a destination first if a refusal would come too late', async () => {
    const road = await Road.begin('client secret', { operation: 'enroll', force: false });
    await road.run();
    expect(road.probes).toEqual(['PUT repo AUTH0_MTLS_ROTATION_PROBE']);
    const refused = await Road.begin('client secret', { operation: 'enroll', force: false });
    const { error } = await refused.run((line) => (refused.probes.includes(line) ? REFUSED : undefined));
    expect(error?.code).toBe('GITHUB_FORBIDDEN');
    expect(refused.writes).toEqual([]);
  });

  it('creates a client', async () => {
    const road = await Road.begin('no client', { operation: 'create', force: false });
    const { error, outcome } = await road.run();
    expect(error).toBeUndefined();
    expect(road.writes).toEqual(['POST clients', `PUT repo ${PEM}`]);
    expect(outcome).toMatchObject({ rotated: true, clientId: road.world.clientId, proof: 'proven' });
  });

  it('returns what it did', async () => {
    const road = await Road.begin('settled', { binding: 'required' });
    const removed = road.id('P1');
    const { outcome } = await road.run();
    expect(outcome).toMatchObject({
      rotated: true,
      credential: { id: road.id('R1'), subject: 'CN=explored' },
      proof: 'proven and bound',
      provenBy: 'token',
      delivered: [`repo:acme/shop ${PEM}`],
      inDoubt: [],
      removed: [removed],
      earlierRuns: undefined,
    });
  });

  it('sends no request if nothing is due', async () => {
    const road = await Road.begin('settled', { force: false });
    const { outcome } = await road.run();
    expect(road.writes).toEqual([]);
    expect(outcome).toMatchObject({ rotated: false, credential: undefined, delivered: [], removed: [] });
  });
});

describe('masks', () => {
  it.each<[string, Partial<Asked>, number]>([
    ['ours alone', {}, 1],
    ['ours alone', { operation: 'rehearse' }, 2],
  ])('cover each key of a run, even one that is never registered: %s %o', async (start, asked, keys) => {
    const road = await Road.begin(start, asked);
    const made: string[] = [];
    await road.run();
    for (const { certified } of road.world.materials.fresh.slice(0, keys))
      made.push([...certified.values()][0]?.privateKey ?? '');
    expect(made).toHaveLength(keys);
    for (const key of made) expect(road.masks).toContain(key);
    for (const { secretLine } of road.world.materials.all)
      expect(road.lines.join()).not.toContain(secretLine);
  });

  it('cover a PKCS#12 before it is stored', async () => {
    const road = await Road.begin('ours alone');
    let masks = 0;
    const { error } = await road.run(
      (line, _, { masks: { length } }) => {
        if (line === 'PUT repo P12') masks = length;
        return undefined;
      },
      { pkcs12SecretName: 'P12' },
      { pkcs12Password: 'password of it' },
    );
    expect(error).toBeUndefined();
    const value = road.world.github.secret('repo:acme/shop', 'P12')?.value;
    expect(road.masks.slice(0, masks)).toContain(value);
  });
});

describe('a delivery', () => {
  it('does not store the certificate as a secret if the private-key secret was refused', async () => {
    const road = await Road.begin('ours alone', { parts: true });
    const result = await road.run((line) => (line === 'PUT repo AUTH0_KEY' ? REFUSED : undefined));
    expect(result.error?.code).toBe('DELIVERY_INCOMPLETE');
    expect(road.sent).not.toContain('PUT repo AUTH0_CERTIFICATE');
    expect(road.held).toEqual(['R1', 'C1', 'C1']);
    stays(road, 'C1', 'R1');
  });

  it('goes on to the other destinations if one refuses', async () => {
    const road = await Road.begin('three settled', { overlap: 'until-next-rotation' });
    const result = await road.run((line) => (line === `PUT env ${PEM}` ? REFUSED : undefined));
    expect(result.error).toMatchObject({
      code: 'DELIVERY_INCOMPLETE',
      failed: expect.stringContaining('env:'),
    });
    expect(road.held).toEqual(['R1', 'C1', 'R1']);
    expect(result.outcome?.delivered).toEqual([`repo:acme/shop ${PEM}`, `org:globex ${PEM}`]);
    expect(result.outcome?.inDoubt).toEqual([]);
    expect(stateNow(result)).toContain(road.id('R1'));
  });

  it('is undone if the primary refuses', async () => {
    const road = await Road.begin('three settled');
    const result = await road.run((line) => (line === `PUT repo ${PEM}` ? REFUSED : undefined));
    expect(result.error?.code).toBe('GITHUB_FORBIDDEN');
    expect(road.sent).not.toContain(`PUT env ${PEM}`);
    expect([road.pool, road.held]).toEqual([['C1'], ['C1', 'C1', 'C1']]);
    expect(result.outcome).toMatchObject({ rotated: false, credential: undefined });
  });

  it('stops if the primary is in doubt, and undoes nothing', async () => {
    const road = await Road.begin('three settled');
    const result = await road.run((line) => (line === `PUT repo ${PEM}` ? 'dropped' : undefined));
    expect(result.error?.code).toBe('DELIVERY_INCOMPLETE');
    expect(result.outcome?.inDoubt).toEqual([`repo:acme/shop ${PEM}`]);
    expect(road.sent).not.toContain(`PUT env ${PEM}`);
    stays(road, 'C1', 'R1');
  });

  it('does not begin after a cancellation, and goes on if it had begun before', async () => {
    const before = await Road.begin('two hold one');
    const early = await before.run((line, _, road) => {
      if (line === 'PATCH client [C1,R1]') road.cancel();
      return undefined;
    });
    expect(early.error?.code).toBe('CANCELLED');
    expect(before.held).toEqual(['C1', 'C1']);
    stays(before, 'C1');
    const after = await Road.begin('two hold one');
    const late = await after.run((line, _, road) => {
      if (line === `PUT repo ${PEM}`) road.cancel();
      return undefined;
    });
    expect(late.error).toBeUndefined();
    expect(after.held).toEqual(['R1', 'R1']);
  });

  it('does not begin ten minutes after the credential was made', async () => {
    for (const [minutes, code] of [
      [9.9, undefined],
      [10, 'DEADLINE_EXCEEDED'],
    ] as const) {
      const road = await Road.begin('ours alone');
      let madeAt = 0;
      const { error } = await road.run((line, _, { world }) => {
        if (line === 'POST pool') madeAt = world.time;
        // The answer to the proof takes long.
        if (line === 'GET client' && madeAt > 0 && road.sent.at(-2) === 'POST token')
          world.time = Math.max(world.time, madeAt + minutes * 60_000);
        return undefined;
      });
      expect([minutes, error?.code]).toEqual([minutes, code]);
    }
  });
});

/** Auth0 dates what this run makes that much later than its own answers. */
function dateAhead({ world }: Road, ahead: number): void {
  const handle = world.tenant.handle.bind(world.tenant);
  let made = '';
  let shown = '';
  world.tenant.handle = (request) => {
    const answer = handle(request);
    if (request.method === 'POST' && answer.status === 201) {
      made = (JSON.parse(answer.body) as { created_at: string }).created_at;
      shown = new Date(Date.parse(made) + ahead).toISOString();
    }
    return made === '' ? answer : { ...answer, body: answer.body.replaceAll(made, shown) };
  };
}

describe('a client that is created', () => {
  const creates = { operation: 'create', force: false } as const;

  it('is found and deleted by the undo if its answer was lost', async () => {
    const road = await Road.begin('no client', creates);
    const result = await road.run((line, count) => {
      if (line === 'POST clients') return 'lost';
      return line === 'GET clients' && count === 2 ? { status: 403 } : undefined;
    });
    expect(result.error?.code).toBe('AUTH0_FORBIDDEN');
    expect(road.world.clientIds).toEqual([]);
    expect(stateNow(result)).toContain('The new client was deleted again.');
  });

  it('may be left behind if it cannot be looked for, and the error says so', async () => {
    const road = await Road.begin('no client', creates);
    const result = await road.run((line, count) => {
      if (line === 'POST clients') return 'lost';
      return line === 'GET clients' && count > 1 ? { status: 403 } : undefined;
    });
    expect(road.world.clientIds).toHaveLength(1);
    expect(stateNow(result)).toMatch(/The new client may still be there/);
  });

  it('keeps its own credential apart from one that somebody adds meanwhile', async () => {
    const road = await Road.begin('no client', creates);
    const { outcome } = await road.run((line, _, { world }) => {
      if (line === 'GET client') world.associateByHand();
      return undefined;
    });
    const own = road.world.credentials().find(({ name }) => name?.includes('1001.1'));
    expect(road.pool).toHaveLength(2);
    expect(outcome?.credential?.id).toBe(own?.id);
  });
});

describe('an upload', () => {
  it('is found and not repeated if its answer was lost', async () => {
    const road = await Road.begin('ours alone');
    const { error } = await road.run((line) => (line === 'POST pool' ? 'lost' : undefined));
    expect(error).toBeUndefined();
    expect(road.writes.filter((line) => line === 'POST pool')).toHaveLength(1);
    expect(road.pool).toHaveLength(2);
  });

  it('is tried three times if it never arrives', async () => {
    const road = await Road.begin('ours alone');
    const { error } = await road.run((line) => (line === 'POST pool' ? 'dropped' : undefined));
    expect(error?.code).toBe('AUTH0_REQUEST_FAILED');
    expect(road.writes).toEqual(['POST pool', 'POST pool', 'POST pool']);
    stays(road, 'C1');
  });

  it('may have left a credential if its answer was lost and the list cannot be read, and the error says so', async () => {
    const road = await Road.begin('ours alone');
    let isPosted = false;
    const result = await road.run((line) => {
      if (line === 'POST pool') {
        isPosted = true;
        return 'lost';
      }
      return isPosted && line === 'GET pool' ? { status: 500 } : undefined;
    });
    expect(result.error?.code).toBe('AUTH0_REQUEST_FAILED');
    expect(road.pool).toHaveLength(2);
    expect(stateNow(result)).toMatch(/new credential .*may still be there/);
  });

  it.each([
    [400, 'AUTH0_REQUEST_FAILED'],
    [403, 'AUTH0_FORBIDDEN'],
  ])('that is refused at once (%i) has left nothing, and nobody looks for it', async (status, code) => {
    const road = await Road.begin('ours alone');
    const result = await road.run((line) => (line === 'POST pool' ? { status } : undefined));
    expect(result.error?.code).toBe(code);
    expect(road.sent.at(-1)).toBe('POST pool');
    expect(stateNow(result)).not.toContain('may still be there');
  });

  it('may land until its time is over, so a failed run looks again then', async () => {
    for (const [instead, seconds] of [
      ['dropped', 60],
      [{ status: 500 }, 0],
    ] as const) {
      const road = await Road.begin('ours alone');
      await road.run((line) => (line === 'POST pool' ? instead : undefined));
      expect(road.sent.filter((line) => line === 'GET pool')).toHaveLength(seconds > 0 ? 6 : 5);
      expect(Math.max(0, ...road.waits)).toBeGreaterThanOrEqual(seconds * 900);
      stays(road, 'C1');
    }
  });

  /** The first attempt lands and its answer is lost, the list lags behind that many times, and the second attempt is refused. */
  const refusedAfterLost = async (lags: number) => {
    const road = await Road.begin('ours alone');
    let reads = 0;
    const result = await road.run((line, count) => {
      if (line === 'POST pool') return count === 1 ? 'lost' : { status: 400 };
      if (line !== 'GET pool' || !road.sent.includes('POST pool')) return undefined;
      reads += 1;
      return reads <= lags ? { status: 200, body: '[]' } : undefined;
    });
    return { road, result };
  };

  it('is found if a lost attempt landed and the next one was refused', async () => {
    const { road, result } = await refusedAfterLost(1);
    expect(result.error).toBeUndefined();
    stays(road, 'C1', 'R1');
  });

  it('is undone if a lost attempt landed and is found too late', async () => {
    const { road, result } = await refusedAfterLost(2);
    expect(result.error?.code).toBe('AUTH0_REQUEST_FAILED');
    stays(road, 'C1');
    expect(stateNow(result)).toContain('removed again');
  });

  it("does not adopt somebody else's credential with the same subject", async () => {
    const road = await Road.begin('ours alone', { method: 'tls_client_auth' });
    let strange = '';
    const result = await road.run((line, count, { world }) => {
      if (line !== 'POST pool') return undefined;
      if (count > 1) return { status: 400, body: '{"message":"A credential already exists"}' };
      strange = world.tenant.seedCredential(world.clientId, {
        credential_type: 'cert_subject_dn',
        subject_dn: 'CN=next',
        associate: false,
        name: 'by hand',
      });
      return 'dropped';
    });
    expect(result.error?.code).toBe('AUTH0_REQUEST_FAILED');
    expect(road.associated).toEqual(['C1']);
    expect(road.pool).toEqual(['C1', strange]);
  });

  it('names the holders if Auth0 has no free slot', async () => {
    const road = await Road.begin('ours alone');
    const full = { status: 400, body: '{"message":"You have reached the maximum of 2 credentials"}' };
    const { error } = await road.run((line) => (line === 'POST pool' ? full : undefined));
    expect(error).toMatchObject({ code: 'CREDENTIAL_LIMIT', failed: expect.stringContaining(road.id('C1')) });
  });

  it('waits for a date up to a minute ahead, and refuses a later one', async () => {
    for (const [ahead, code, waited] of [
      [500, undefined, 0],
      [30_000, undefined, 1],
      [90_000, 'AUTH0_REQUEST_FAILED', 0],
    ] as const) {
      const road = await Road.begin('ours alone');
      dateAhead(road, ahead);
      const { error } = await road.run();
      expect([ahead, error?.code]).toEqual([ahead, code]);
      expect(
        road.waits.filter((wait) => wait > ahead - 2_000 && wait <= ahead + 2_000 && wait > 2_000),
      ).toHaveLength(waited);
      if (code) stays(road, 'C1');
    }
  });
});

describe('a proof', () => {
  it('undoes the run if Auth0 refuses it for half a minute', async () => {
    const road = await Road.begin('ours alone');
    const began = { at: 0 };
    const result = await road.run((line, count, { world }) => {
      if (line === 'PATCH client [C1,R1]') began.at = world.time;
      // The pair in use is proven first.
      return line === 'POST token' && count > 1 ? NOBODY : undefined;
    });
    expect(result.error?.code).toBe('VERIFICATION_FAILED');
    expect(road.held).toEqual(['C1']);
    stays(road, 'C1');
    const waited = road.waits.reduce((sum, wait) => sum + wait, 0);
    expect(waited).toBeGreaterThan(25_000);
    expect(waited).toBeLessThan(32_000);
  });

  it('is not repeated like a refusal if the server fails', async () => {
    const road = await Road.begin('ours alone');
    const failed = { status: 400, body: '{"error":"invalid_request"}' };
    const { error } = await road.run((line, count) =>
      line === 'POST token' && count > 1 ? failed : undefined,
    );
    expect(error).toMatchObject({
      code: 'VERIFICATION_FAILED',
      failed: expect.stringContaining('invalid_request'),
    });
    expect(road.sent.filter((line) => line === 'POST token')).toHaveLength(2);
  });

  it('of the pair in use only adds a note if Auth0 refuses it, and stops the run before any change if it fails otherwise', async () => {
    const refused = await Road.begin('ours alone');
    const { error, outcome } = await refused.run((line, count) =>
      line === 'POST token' && count === 1 ? NOBODY : undefined,
    );
    expect(error).toBeUndefined();
    expect(outcome?.notes).toMatchObject([{ severity: 'warning' }]);
    const failed = await Road.begin('ours alone');
    const broken = { status: 403, headers: { 'content-type': 'text/html' }, body: '<html>' };
    const result = await failed.run((line) => (line === 'POST token' ? broken : undefined));
    expect(result.error?.code).toBe('VERIFICATION_FAILED');
    expect(failed.writes).toEqual([]);
  });

  it('is repeated on a new connection once all of Auth0 should know the association', async () => {
    const road = await Road.begin('ours alone', { propagation: 30_000 });
    let associatedAt = 0;
    let deliveredAt = 0;
    const { error } = await road.run((line, _, { world }) => {
      if (line === 'PATCH client [C1,R1]') associatedAt = world.time;
      if (line === `PUT repo ${PEM}`) deliveredAt = world.time;
      return undefined;
    });
    expect(error).toBeUndefined();
    expect(deliveredAt - associatedAt).toBeGreaterThanOrEqual(30_000);
    expect(
      road.sent.slice(road.sent.indexOf('PATCH client [C1,R1]')).filter((line) => line === 'POST token'),
    ).toHaveLength(2);
  });

  it('prevents the delivery if the second node refuses it', async () => {
    const road = await Road.begin('ours alone', { propagation: 30_000 });
    const { error } = await road.run((line, count) =>
      line === 'POST token' && count > 2 ? NOBODY : undefined,
    );
    expect(error?.code).toBe('VERIFICATION_FAILED');
    expect(road.held).toEqual(['C1']);
    stays(road, 'C1');
  });

  it('is left out with verify: off, and the run says so', async () => {
    const road = await Road.begin('ours alone');
    const { error, outcome } = await road.run(undefined, { verify: 'off' });
    expect([error, outcome?.proof, outcome?.provenBy]).toEqual([undefined, 'not proven', undefined]);
    expect(road.sent).not.toContain('POST token');
    expect(road.held).toEqual(['R1']);
  });

  it('stops the run if it is required and has no endpoint', async () => {
    const road = await Road.begin('ours alone');
    const { error } = await road.run(
      (line) => (line === 'GET discovery' ? { status: 200, body: '{}' } : undefined),
      { verify: 'required' },
    );
    expect(error?.code).toBe('MTLS_ENDPOINT_NOT_FOUND');
    expect(road.writes).toEqual([]);
    const auto = await Road.begin('ours alone');
    const { outcome } = await auto.run((line) =>
      line === 'GET discovery' ? { status: 200, body: '{}' } : undefined,
    );
    expect([outcome?.proof, auto.held]).toEqual(['not proven', ['R1']]);
  });

  it('fails if tokens must be bound and are not', async () => {
    const road = await Road.begin('ours alone', { binding: 'required', tenant: 'binds nothing' });
    const { error } = await road.run();
    expect(error?.code).toBe('VERIFICATION_FAILED');
    expect(road.world.truth().bound).toBe(false);
    stays(road, 'C1');
  });
});

describe('token binding where no rotation is due', () => {
  const NO_TOKEN: Instead = { status: 403, body: '{"error":"access_denied"}' };
  const begin = (asked: Partial<Asked> = {}) =>
    Road.begin('ours alone', { binding: 'required', force: false, current: true, ...asked });
  /** @param nth the token request of the edge that is answered so, and all after it */
  const answering = (instead: Instead, nth: number) => (line: string, count: number) =>
    line === 'POST token' && count >= nth ? instead : undefined;

  it('is proven with the pair in use, before and after', async () => {
    const road = await begin();
    const { error } = await road.run();
    expect([error, road.writes, road.world.truth().bound]).toEqual([undefined, ['PATCH client'], true]);
    const at = road.sent.flatMap((line, index) => (line === 'POST token' ? [index] : []));
    const bound = road.sent.indexOf('PATCH client');
    expect(at.map((index) => index < bound)).toEqual([true, false]);
  });

  it('is taken back if that pair gets no bound token', async () => {
    const silent = await begin({ tenant: 'binds nothing' });
    const unbound = await silent.run();
    expect([unbound.error?.code, silent.world.truth().bound]).toEqual(['VERIFICATION_FAILED', false]);
    expect(unbound.error?.message).toMatch(
      /the token is not bound.*token-binding: unchanged.*binding of the client is as it was/,
    );
    const refusing = await begin();
    const refused = await refusing.run(answering(NO_TOKEN, 2));
    expect([refused.error?.code, refusing.world.truth().bound]).toEqual(['VERIFICATION_FAILED', false]);
    stays(refusing, 'C1');
  });

  it('is not begun if that pair gets no token, or nothing can show one', async () => {
    const road = await begin();
    const { error } = await road.run(answering(NOBODY, 1));
    expect([error?.code, road.writes]).toEqual(['VERIFICATION_FAILED', []]);
    const blind = await begin();
    const result = await blind.run((line) =>
      line === 'GET discovery' ? { status: 200, body: '{}' } : undefined,
    );
    expect([result.error?.code, blind.writes]).toEqual(['MTLS_ENDPOINT_NOT_FOUND', []]);
  });

  it('waits for the rotation without the pair, or for a client that requests no tokens', async () => {
    const road = await begin({ current: false });
    const { error, plan } = await road.run();
    expect([error, road.writes]).toEqual([undefined, []]);
    expect(plan?.notes.map(({ text }) => text)).toEqual([
      expect.stringMatching(/not bound yet.*The next rotation binds them\. Pass current-credential/),
    ]);
    const web = await begin();
    web.world.admin({ grant_types: ['authorization_code'] });
    const seen = await web.run();
    expect([seen.error, web.writes, seen.plan?.notes.length]).toEqual([undefined, [], 1]);
  });

  it('is not proven with verify: off, and the run says so', async () => {
    const road = await begin({ current: false });
    const { error, plan } = await road.run(undefined, { verify: 'off' });
    expect([error, road.writes]).toEqual([undefined, ['PATCH client']]);
    expect(plan?.notes.some(({ text }) => text.includes('NOT PROVEN'))).toBe(true);
  });
});

describe('a client that only refreshes tokens', () => {
  /** As a server answers that looks at the client before it looks at the token. */
  const GOOD: Instead = { status: 403, body: '{"error":"invalid_grant"}' };

  async function refreshing(
    answers: Instead[],
    asked: Partial<Asked> = {},
    verify: 'auto' | 'required' = 'auto',
  ) {
    const road = await Road.begin('ours alone', asked);
    road.world.admin({ grant_types: ['refresh_token'] });
    const result = await road.run(
      (line, count) => (line === 'POST token' ? answers[Math.min(count, answers.length) - 1] : undefined),
      { verify },
    );
    return { road, ...result };
  }

  it('is proven if Auth0 refused its key before the association', async () => {
    const { error, outcome, road } = await refreshing([GOOD, NOBODY, GOOD]);
    expect([error, outcome?.proof, outcome?.provenBy]).toEqual([undefined, 'proven', 'refresh token']);
    const tokens = road.sent.flatMap((line, index) => (line === 'POST token' ? [index] : []));
    const associated = road.sent.indexOf('PATCH client [C1,R1]');
    expect(tokens.filter((index) => index < associated)).toHaveLength(2);
  });

  it('is not proven if Auth0 gave the same answer before the association', async () => {
    const { error, outcome, road } = await refreshing([GOOD]);
    expect([error, outcome?.proof, outcome?.provenBy]).toEqual([
      undefined,
      'not proven: no control',
      undefined,
    ]);
    expect(road.held).toEqual(['R1']);
    const strict = await refreshing([GOOD], {}, 'required');
    expect(strict.error?.code).toBe('VERIFICATION_FAILED');
    expect(strict.road.held).toEqual(['C1']);
    stays(strict.road, 'C1');
  });

  it('is not rotated if somebody else answers the control, or the control fails', async () => {
    for (const odd of [
      { status: 403, headers: { 'content-type': 'text/html' }, body: '<html>' },
      { status: 400, body: '{"error":"invalid_request"}' },
    ]) {
      const { error, road } = await refreshing([GOOD, odd, GOOD]);
      expect(error?.code).toBe('VERIFICATION_FAILED');
      stays(road, 'C1');
    }
  });

  it('gets a note that nothing proves the binding of its tokens', async () => {
    const { outcome } = await refreshing([GOOD, NOBODY, GOOD], { binding: 'required' });
    expect(outcome?.notes).toMatchObject([
      { severity: 'warning', text: expect.stringContaining('NOT PROVEN') },
    ]);
  });

  it('is not proven if it has no grant at all', async () => {
    const road = await Road.begin('ours alone');
    road.world.admin({ grant_types: ['password'] });
    const { error, outcome } = await road.run();
    expect([error, outcome?.proof]).toEqual([undefined, 'not proven: no grant']);
    expect(outcome?.steps.filter((step) => step.outcome !== 'done')).toMatchObject([
      { text: 'Prove it with a request to Auth0', outcome: 'not proven' },
    ]);
    expect(road.sent).not.toContain('POST token');
    const strict = await Road.begin('ours alone');
    strict.world.admin({ grant_types: ['password'] });
    expect((await strict.run(undefined, { verify: 'required' })).error?.code).toBe('VERIFICATION_FAILED');
    expect(strict.writes).toEqual([]);
  });
});

describe('a rehearsal', () => {
  it('finds an edge that admits everybody', async () => {
    const road = await Road.begin('ours alone', { operation: 'rehearse' });
    const token = { status: 200, body: '{"access_token":"opaque"}' };
    const { error } = await road.run((line) => (line === 'POST token' ? token : undefined));
    expect(error?.code).toBe('UNREGISTERED_ACCEPTED');
    stays(road, 'C1');
  });

  it('fails and leaves nothing if the control has no clear result', async () => {
    const road = await Road.begin('ours alone', { operation: 'rehearse' });
    const { error } = await road.run((line, count) =>
      line === 'POST token' && count > 2 ? { status: 500 } : undefined,
    );
    expect(error?.code).toBe('VERIFICATION_FAILED');
    stays(road, 'C1');
  });
});

describe('an interruption', () => {
  const removing = async (instead: Instead) => {
    const road = await Road.begin('partly delivered', { current: false });
    const result = await road.run((line) => (line.startsWith('PATCH client') ? instead : undefined));
    const isNamed = stateNow(result).includes('was removed for this rotation');
    return [result.error?.code, result.error?.alarm?.startsWith('some consumers'), isNamed];
  };

  it('is not named if Auth0 refused the removal', async () => {
    expect(await removing(REFUSED)).toEqual(['AUTH0_FORBIDDEN', undefined, false]);
  });

  it.each([500, 503, 504])(
    'is named if the removal was answered %i, since it may have been made',
    async (status) => {
      expect(await removing({ status })).toEqual(['AUTH0_REQUEST_FAILED', true, true]);
    },
  );

  it('is named by a run that failed before its delivery, and not after it', async () => {
    const road = await Road.begin('partly delivered', { current: false });
    const result = await road.run((line) => (line === `PUT repo ${PEM}` ? REFUSED : undefined));
    expect(result.error?.code).toBe('GITHUB_FORBIDDEN');
    expect(result.error?.alarm).toMatch(/some consumers/);
    expect(stateNow(result)).toMatch(/env:acme\/other\/production .*was removed for this rotation/);
    const half = await Road.begin('partly delivered', { current: false });
    const left = await half.run((line) => (line === `PUT env ${PEM}` ? REFUSED : undefined));
    expect([left.error?.code, left.error?.alarm]).toEqual([
      'DELIVERY_INCOMPLETE',
      expect.stringMatching(/some consumers/),
    ]);
    const whole = await Road.begin('partly delivered', { current: false });
    expect((await whole.run()).error).toBeUndefined();
  });
});

describe('a pair whose credential the run has associated again', () => {
  it('is stored elsewhere only when all of Auth0 knows that', async () => {
    const delivered = async (isTakenOut: boolean) => {
      const road = await Road.begin('partly delivered', { force: false, propagation: 30_000 });
      const credentials = [{ id: road.id('P1') }];
      if (isTakenOut)
        road.world.admin({ client_authentication_methods: { self_signed_tls_client_auth: { credentials } } });
      const { error } = await road.run();
      expect([error, road.writes.at(-1)]).toEqual([undefined, `PUT env ${PEM}`]);
      return road.waits.reduce((sum, wait) => sum + wait, 0);
    };
    expect(await delivered(false)).toBeLessThan(10_000);
    expect(await delivered(true)).toBeGreaterThan(29_000);
  });
});

describe('undoing', () => {
  it('has two minutes of its own, however late it is in the run', async () => {
    const road = await Road.begin('ours alone');
    const result = await road.run((line, count, { world }) => {
      if (line === 'PATCH client [C1,R1]') world.time += 599_000;
      if (line === 'POST token' && count > 1) return { status: 400, body: '{"error":"invalid_request"}' };
      return line === 'PATCH client [C1]' && count < 4 ? { status: 503 } : undefined;
    });
    expect(result.error).toBeDefined();
    stays(road, 'C1');
  });

  it('says what is left and until when, if it fails', async () => {
    const road = await Road.begin('ours alone');
    const result = await road.run((line, count) => {
      if (line === 'POST token' && count > 1) return { status: 400, body: '{"error":"invalid_request"}' };
      return line === 'PATCH client [C1]' ? REFUSED : undefined;
    });
    expect(result.error?.code).toBe('VERIFICATION_FAILED');
    expect(road.associated).toEqual(['C1', 'R1']);
    expect(stateNow(result)).toContain(road.id('R1'));
    expect(stateNow(result)).toMatch(/Every destination keeps .*may still be there/s);
    const [until = ''] = /\d{4}-\S+Z/.exec(stateNow(result)) ?? [];
    expect(Math.abs(Date.parse(until) - road.world.time - 15 * 60_000)).toBeLessThan(60_000);
  });

  it('moves an enrolled client back', async () => {
    const road = await Road.begin('client secret', { operation: 'enroll', force: false });
    const result = await road.run((line) => (line === `PUT repo ${PEM}` ? REFUSED : undefined));
    expect(result.error?.code).toBe('GITHUB_FORBIDDEN');
    expect([road.world.truth().method, road.pool]).toEqual(['client_secret_post', []]);
    expect(stateNow(result)).toContain('client_secret_post again');
    expect(result.error?.alarm).toBeUndefined();
  });

  it('raises the alarm if it cannot move an enrolled client back', async () => {
    const road = await Road.begin('client secret', { operation: 'enroll', force: false });
    const result = await road.run((line) =>
      line === `PUT repo ${PEM}` || line === 'PATCH client' ? REFUSED : undefined,
    );
    expect(result.error?.alarm).toMatch(/NOBODY CAN LOG IN/);
    expect(stateNow(result)).toMatch(/client_secret_post/);
  });

  it('deletes a client that was made', async () => {
    const road = await Road.begin('no client', { operation: 'create', force: false });
    const result = await road.run((line) => (line === `PUT repo ${PEM}` ? REFUSED : undefined));
    expect(result.error?.code).toBe('GITHUB_FORBIDDEN');
    expect(road.world.clientIds).toEqual([]);
    expect(stateNow(result)).toContain('deleted again');
    expect(stateNow(result)).not.toContain('may still be there');
    const stuck = await Road.begin('no client', { operation: 'create', force: false });
    const left = await stuck.run((line) =>
      line === `PUT repo ${PEM}` || line === 'DELETE client' ? REFUSED : undefined,
    );
    expect(stateNow(left)).toContain(stuck.world.clientId);
  });

  it('leaves token binding as it was', async () => {
    for (const [start, binding, bound] of [
      ['ours alone', 'required', false],
      ['ours alone, bound', 'off', true],
    ] as const) {
      const road = await Road.begin(start, { binding });
      const { error } = await road.run((line) => (line === `PUT repo ${PEM}` ? REFUSED : undefined));
      expect([error?.code, road.world.truth().bound]).toEqual(['GITHUB_FORBIDDEN', bound]);
    }
  });
});

describe('a revocation', () => {
  it('says that the revoked credential may still be valid, if it fails', async () => {
    const road = await Road.begin('ours alone', { revoke: true });
    const old = road.id('C1');
    const result = await road.run((line) => (line === 'PATCH client [R1]' ? REFUSED : undefined));
    expect(result.error?.code).toBe('AUTH0_FORBIDDEN');
    expect(road.held).toEqual(['R1']);
    expect(result.error?.alarm).toMatch(/MAY STILL BE VALID/);
    expect(stateNow(result)).toContain(`NOT REVOKED: ${old}`);
  });

  it('lists a run that was queued up to three seconds after the delivery, and no later one', async () => {
    const road = await Road.begin('ours alone', { revoke: true });
    const permissions = { secrets: 'write', actions: 'read' } as const;
    road.world.github.addToken('github-token', { kind: 'app', permissions });
    const result = await road.run((line, _, { world }) => {
      if (line !== 'DELETE credential C1') return undefined;
      const at = Date.parse(world.github.secret('repo:acme/shop', PEM)?.updatedAt ?? '');
      for (const seconds of [-60, 2, 60])
        world.github.addRun('acme/shop', 'build.yml', {
          status: 'queued',
          conclusion: null,
          createdAt: new Date(at + seconds * 1_000).toISOString(),
        });
      return undefined;
    });
    expect(result.error).toBeUndefined();
    expect(result.outcome?.earlierRuns?.runs).toHaveLength(2);
  });

  it('is repeated while Auth0 says that the credential is still associated, and the error says so', async () => {
    const road = await Road.begin('ours alone', { revoke: true });
    const still = { status: 400, body: '{"message":"Credential is still associated"}' };
    const once = await road.run((line, count) =>
      line === 'DELETE credential C1' && count < 3 ? still : undefined,
    );
    expect([once.error, road.pool]).toEqual([undefined, ['R1']]);
    const stuck = await Road.begin('ours alone', { revoke: true });
    const { error } = await stuck.run((line) => (line === 'DELETE credential C1' ? still : undefined));
    expect(error?.code).toBe('RETIREMENT_FAILED');
    expect(error?.alarm).toMatch(/STILL SIGN/);
    expect(error?.message).toMatch(
      /nobody can log in with .* any more.* Once the users of signed_request_object .* take cred_\w+ out of it/,
    );
    expect([stuck.held, stuck.associated]).toEqual([['R1'], ['R1']]);
  });

  it('of a key that signs requests, too, needs only its place: the rotation goes on, and later runs do not fail', async () => {
    const road = await Road.begin('settled', { method: 'private_key_jwt' });
    const id = road.id('P1');
    road.world.admin({ signed_request_object: { required: false, credentials: [{ id }] } });
    const { error, outcome } = await road.run();
    expect([error, road.held, road.associated]).toEqual([undefined, ['R1'], ['C1', 'R1']]);
    expect(outcome?.removed).toEqual([]);
    expect(outcome?.steps.filter((step) => step.outcome !== 'done')).toMatchObject([
      { text: `Delete ${id} to make room`, outcome: 'not deleted, since another part of the client uses it' },
    ]);
    const told = [
      {
        severity: 'warning',
        text: expect.stringMatching(/signed_request_object.*name cred_\w+ in keep-credentials/),
      },
    ];
    expect(outcome?.notes).toMatchObject(told);
    const later = await road.run(undefined, { force: false, overlap: 0 });
    expect(later.error).toBeUndefined();
    expect(later.outcome?.notes).toMatchObject(told);
    const quiet = await road.run(undefined, { force: false, keepCredentials: new Set([id]) });
    expect([quiet.error, quiet.outcome?.notes, quiet.plan?.notes]).toEqual([undefined, [], []]);
    expect(road.pool).toContain('P1');
  });

  it('of a key that still signs comes before a destination that could not be written', async () => {
    const road = await Road.begin('two hold one', { method: 'private_key_jwt', revoke: true });
    const id = road.id('C1');
    road.world.admin({ signed_request_object: { required: false, credentials: [{ id }] } });
    const { error } = await road.run((line) => (line.includes(' env ') ? { status: 404 } : undefined));
    expect([error?.code, error?.alarm]).toEqual(['RETIREMENT_FAILED', expect.stringMatching(/STILL SIGN/)]);
    expect(error?.message).toContain('Nothing was written there.');
  });

  it('of a credential that something associates again is an error', async () => {
    const road = await Road.begin('settled');
    const method = {
      self_signed_tls_client_auth: { credentials: [{ id: road.id('P1') }, { id: road.id('C1') }] },
    };
    const { error } = await road.run((line, _, { world }) => {
      if (line === 'DELETE credential P1') world.admin({ client_authentication_methods: method });
      return undefined;
    });
    expect(error?.code).toBe('RETIREMENT_FAILED');
    expect(road.held).toEqual(['C1']);
  });
});

describe('a pause', () => {
  it('takes six seconds between a delivery of the current pair and a new credential', async () => {
    const road = await Road.begin('partly delivered', { force: true });
    let completedAt = 0;
    let madeAt = 0;
    const { error } = await road.run((line, _, { world }) => {
      if (line === `PUT env ${PEM}` && completedAt === 0) completedAt = world.time;
      if (line === 'POST pool') madeAt = world.time;
      return undefined;
    });
    expect(error).toBeUndefined();
    expect(completedAt).toBeGreaterThan(0);
    expect(madeAt - completedAt).toBeGreaterThanOrEqual(6_000);
    expect(madeAt - completedAt).toBeLessThan(8_000);
  });

  it('takes a minute if that delivery may land once more', async () => {
    const road = await Road.begin('partly delivered', { force: true });
    let completedAt = 0;
    let madeAt = 0;
    const { error } = await road.run((line, count, { world }) => {
      if (line === 'POST pool') madeAt = world.time;
      if (line !== `PUT env ${PEM}` || madeAt > 0) return undefined;
      completedAt = world.time;
      return count === 1 ? 'dropped' : undefined;
    });
    expect(error).toBeUndefined();
    expect(madeAt - completedAt).toBeGreaterThanOrEqual(60_000);
  });
});

/** Reads Auth0 as it is now, for a read that lags later. */
function shownNow({ world }: Road): Instead {
  const path = `/api/v2/clients/${world.clientId}`;
  const headers = { authorization: 'Bearer management-token' };
  return world.tenant.handle({ method: 'GET', path, headers, body: '' });
}

/** Another run writes a secret, now. */
function write({ world }: Road, scope: string): void {
  world.github.seedSecret(scope, PEM, 'of another run', { updatedAt: world.time, createdAt: world.time });
}
const ENV = 'env:acme/other/production';

describe('the steps of a run', () => {
  it('name the credential that was made, and how long each took', async () => {
    const road = await Road.begin('ours alone', { operation: 'rehearse' });
    const { outcome } = await road.run();
    const texts = outcome?.steps.map(({ text }) => text).join() ?? '';
    expect(texts).toMatch(/Associate cred_\w+ alongside cred_\w+.*Disassociate cred_\w+.*Delete cred_\w+/);
    expect(texts).not.toMatch(/\(issued\)|the new credential/);
    for (const { milliseconds } of outcome?.steps ?? []) {
      expect(milliseconds).toBeGreaterThanOrEqual(0);
      expect(milliseconds).toBeLessThan(60_000);
    }
  });

  it('read the whole state right before each change of Auth0, and not before a delivery', async () => {
    const road = await Road.begin('ours alone');
    await road.run();
    expect(road.sent.slice(road.sent.indexOf('POST pool'))).toEqual([
      'POST pool',
      `GET repo ${PEM}`,
      'GET client',
      'GET pool',
      'PATCH client [C1,R1]',
      'GET client',
      'GET pool',
      'POST token',
      'GET client',
      'POST token',
      `PUT repo ${PEM}`,
      'GET client',
    ]);
  });

  it('are done, up to the one that failed', async () => {
    const road = await Road.begin('ours alone');
    const { outcome } = await road.run((line) => (line === 'POST pool' ? REFUSED : undefined));
    expect(outcome?.steps.map(({ outcome: ended }) => ended)).toEqual(['done', 'failed']);
    expect(road.lines.filter((line) => line === 'done' || line === 'failed')).toEqual(['done', 'failed']);
  });

  it('do not go on after the deadline, but finish a delivery that has begun', async () => {
    const late =
      (last: string) =>
      (line: string, count: number, { world }: Road) => {
        if (line === last && count === 1) world.time += 601_000;
        return undefined;
      };
    const before = await Road.begin('two hold one');
    expect((await before.run(late('POST token'))).error?.code).toBe('DEADLINE_EXCEEDED');
    expect(before.writes).toEqual([]);
    const begun = await Road.begin('two hold one');
    expect((await begun.run(late(`PUT repo ${PEM}`))).error).toBeUndefined();
    expect(begun.held).toEqual(['R1', 'R1']);
  });

  it('wait for the read-back of the association, but the proof does not', async () => {
    const lags = await Road.begin('ours alone');
    let old: Instead | undefined;
    let late = 3;
    const { error } = await lags.run((line) => {
      if (line === 'PATCH client [C1,R1]') old = shownNow(lags);
      if (line !== 'GET client' || old === undefined || late === 0) return undefined;
      late -= 1;
      return old;
    });
    expect(error).toBeUndefined();
    const after = lags.sent.slice(lags.sent.indexOf('PATCH client [C1,R1]'));
    const reads = after.flatMap((line, index) => (line === 'GET client' ? [index] : []));
    expect(after.indexOf('POST token')).toBeLessThan(reads[2] ?? 0);
    expect(after.indexOf(`PUT repo ${PEM}`)).toBeGreaterThan(reads[3] ?? Number.POSITIVE_INFINITY);
  });

  it('deliver nothing if the read-back finds an earlier run, even without a proof', async () => {
    const road = await Road.begin('ours alone');
    const { error } = await road.run(
      (line, _, { world }) => {
        if (line !== 'PATCH client [C1,R1]') return undefined;
        world.add({ label: 'H2', mark: 'ours', associated: false, age: 5_000 });
        return undefined;
      },
      { verify: 'off' },
    );
    expect(error?.code).toBe('ROTATION_IN_PROGRESS');
    expect(road.sent).not.toContain(`PUT repo ${PEM}`);
  });
});

describe('the wait until all of Auth0 knows an association', () => {
  const WAIT = /^Wait until/;
  const waited = ({ outcome }: RunResult) =>
    outcome?.steps.map(({ text }) => text).filter((text) => WAIT.test(text)) ?? [];

  it('comes once, after the first proof, and names its seconds', async () => {
    const road = await Road.begin('two hold one', { propagation: 30_000 });
    const result = await road.run();
    expect(waited(result)).toEqual(['Wait until 30 s after the association, then prove it again']);
    const texts = result.outcome?.steps.map(({ text }) => text) ?? [];
    const at = texts.findIndex((text) => WAIT.test(text));
    expect([texts[at - 1], texts[at + 1]]).toEqual([
      'Prove it with a request to Auth0',
      `Store it in repo:acme/shop ${PEM}`,
    ]);
    expect(road.fresh).toBe(1);
  });

  it('promises no second proof where the first one proved nothing', async () => {
    const road = await Road.begin('ours alone', { propagation: 30_000 });
    expect(waited(await road.run(undefined, { verify: 'off' }))).toEqual([
      'Wait until 30 s after the association',
    ]);
  });

  it('is over if the proof took longer', async () => {
    const road = await Road.begin('ours alone', { propagation: 30_000 });
    const { error } = await road.run((line, count, { world }) => {
      if (line === 'POST token' && count === 2) world.time += 31_000;
      return undefined;
    });
    expect([error, road.waits]).toEqual([undefined, []]);
  });

  it.each<[string, Partial<Asked>]>([
    ['client secret', { operation: 'enroll', force: false }],
    ['partly delivered', { current: false }],
  ])('does not prolong an interruption: %s %o', async (start, asked) => {
    const road = await Road.begin(start, { ...asked, propagation: 30_000 });
    const result = await road.run();
    expect([result.error, waited(result), road.waits]).toEqual([undefined, [], []]);
  });

  it('ends with a refusal if eleven minutes have passed at Auth0, such as while the machine slept', async () => {
    const road = await Road.begin('ours alone');
    const { tenant } = road.world;
    const handle = tenant.handle.bind(tenant);
    tenant.handle = (request) => {
      const answer = handle(request);
      if (!road.sent.includes('PATCH client [C1,R1]')) return answer;
      const date = new Date(road.world.time + 11 * 60_000).toUTCString();
      return { ...answer, headers: { ...answer.headers, date } };
    };
    const { error } = await road.run();
    expect([error?.code, road.held]).toEqual(['DEADLINE_EXCEEDED', ['C1']]);
    stays(road, 'C1');
  });
});

describe('what was written since the plan was made', () => {
  const during = (line: string, scope: string) => {
    let isWritten = false;
    return (one: string, _: number, road: Road) => {
      if (one === line && !isWritten) {
        isWritten = true;
        write(road, scope);
      }
      return undefined;
    };
  };

  it('stops a run that would interrupt its consumers, before it does', async () => {
    const road = await Road.begin('partly delivered', { current: false });
    const { error } = await road.run(during('GET repo secrets', ENV));
    expect([error?.code, road.writes]).toEqual(['ROTATION_IN_PROGRESS', []]);
    expect(road.associated).toEqual(['P1', 'C1']);
  });

  it('stops no run that interrupts nobody, but a new credential waits for six seconds', async () => {
    const road = await Road.begin('two hold one');
    const { error } = await road.run(during('POST token', ENV));
    expect([error, road.held]).toEqual([undefined, ['R1', 'R1']]);
    expect(Math.max(0, ...road.waits)).toBeGreaterThan(4_000);
  });

  it('stops a run that would finish an old delivery', async () => {
    const road = await Road.begin('partly delivered', { force: false });
    const { error } = await road.run(during('GET env secrets', 'repo:acme/shop'));
    expect([error?.code, road.writes]).toEqual(['ROTATION_IN_PROGRESS', []]);
  });
});

describe('a delivery that is finished', () => {
  it('is refused as a whole before anything else, if one of its destinations refuses', async () => {
    const road = await Road.begin('partly delivered, one of three', { force: true });
    const result = await road.run((line) => (line === `PUT org ${PEM}` ? REFUSED : undefined));
    expect([result.error?.code, road.writes]).toEqual([
      'DELIVERY_INCOMPLETE',
      [`PUT env ${PEM}`, `PUT org ${PEM}`],
    ]);
    expect(stateNow(result)).toContain(
      `repo:acme/shop ${PEM}, ${ENV} ${PEM} hold ${road.id('C1')}; org:globex ${PEM} may still hold`,
    );
  });

  it('reads the whole state once, and then only whether it was overtaken', async () => {
    const road = await Road.begin('partly delivered, one of three', { force: false });
    await road.run();
    const after = road.sent.slice(road.sent.indexOf(`PUT env ${PEM}`));
    expect(after.filter((line) => line === 'GET client')).toHaveLength(1);
  });

  it('associates its credential again if somebody has taken it out meanwhile', async () => {
    const road = await Road.begin('partly delivered', { force: false });
    // Auth0 lists it first.
    road.world.add({ label: 'H2', mark: 'none', associated: false, age: 0 });
    const { error } = await road.run((line, _, { world }) => {
      const credentials = [{ id: road.id('P1') }];
      if (line === `PUT env ${PEM}`)
        world.admin({ client_authentication_methods: { self_signed_tls_client_auth: { credentials } } });
      return undefined;
    });
    expect([error, road.associated]).toEqual([undefined, ['P1', 'C1']]);
  });

  it('says until when the credential works that was not replaced', async () => {
    const road = await Road.begin('three settled');
    const result = await road.run((line) => (line === `PUT env ${PEM}` ? REFUSED : undefined));
    expect(stateNow(result)).toMatch(/The previous one expires on \d+ \w+ \d{4}\./);
  });
});

describe('a certificate with the subject of the one in use', () => {
  const begin = () => Road.begin('settled', { method: 'tls_client_auth', renews: true });
  /** Another run stores its own, once this line is sent. */
  const storing = (wanted: string) => (line: string, _: number, road: Road) => {
    if (line === wanted) write(road, 'repo:acme/shop');
    return undefined;
  };

  it('is only delivered', async () => {
    const road = await begin();
    const { error, outcome } = await road.run();
    expect([error, road.writes, outcome?.rotated]).toEqual([undefined, [`PUT repo ${PEM}`], true]);
    expect(outcome?.credential?.id).toBe(road.id('C1'));
  });

  it('is not delivered if another run has stored its own since the plan was made', async () => {
    const road = await begin();
    const { error } = await road.run(storing('POST token'));
    expect([error?.code, road.writes]).toEqual(['ROTATION_IN_PROGRESS', []]);
  });

  it('is not reported as delivered if another run stores its own after it', async () => {
    const road = await begin();
    let isDelivered = false;
    const { error } = await road.run((line, _, { world }) => {
      if (line === `PUT repo ${PEM}`) isDelivered = true;
      if (isDelivered && line === 'GET client') {
        world.time += 2_000;
        write(road, 'repo:acme/shop');
      }
      return undefined;
    });
    expect(error?.code).toBe('ROTATION_IN_PROGRESS');
  });
});

it('a revocation does not list its own run among those that may hold the key', async () => {
  const listed = async (run: string) => {
    const road = await Road.begin('ours alone', { revoke: true });
    const { github } = road.world;
    github.addToken('github-token', { kind: 'app', permissions: { secrets: 'write', actions: 'read' } });
    github.addRun('acme/shop', 'build.yml', { status: 'in_progress', conclusion: null });
    const { outcome } = await road.run(undefined, { run });
    return outcome?.earlierRuns?.runs.map(({ url }) => url.split('/').at(-1));
  };
  const [other = ''] = (await listed('1001.1')) ?? [];
  expect(other).not.toBe('');
  expect(await listed(`${other}.1`)).toEqual([]);
});

it('an error that is known from the start says what the run has done nevertheless', async () => {
  const done = await Road.begin('two hold one', { force: true });
  const left = await done.run((line) => (line.includes(' env ') ? { status: 404 } : undefined));
  expect([left.error?.code, stateNow(left)]).toEqual([
    'DELIVERY_INCOMPLETE',
    expect.stringMatching(/Nothing was written there\. Everything else is done\.$/),
  ]);
  const healed = await Road.begin('held, not associated', { force: true });
  const keepCredentials = new Set([healed.id('P1'), healed.id('C1')]);
  const result = await healed.run(undefined, { keepCredentials });
  expect([result.error?.code, healed.associated]).toEqual(['CREDENTIAL_LIMIT', ['P1', 'C1']]);
  expect(stateNow(result)).toMatch(/^Every destination keeps the credential that it holds\.$/);
});

describe('a new primary gets the pair in use', () => {
  const begin = async () => {
    const road = await Road.begin('new destination', { force: false });
    const { destinations } = road.world.inputs('1001.1').desired;
    const [shop, other] = destinations;
    if (!other) throw new Error('there is one destination');
    return { road, destinations: [other, shop] as const };
  };

  it('and the run checks at its end that the pair is still associated', async () => {
    const { road, destinations } = await begin();
    const { error, outcome } = await road.run(
      (line, _, { world }) => {
        const credentials = [{ id: road.id('P1') }];
        if (line === `PUT env ${PEM}`)
          world.admin({ client_authentication_methods: { self_signed_tls_client_auth: { credentials } } });
        return undefined;
      },
      { destinations },
    );
    expect([error, outcome?.rotated, road.held]).toEqual([undefined, false, ['C1', 'C1']]);
    expect(road.associated).toContain('C1');
  });

  it('and a rotation that goes on is not stopped by that', async () => {
    const { road, destinations } = await begin();
    const { error, outcome } = await road.run(undefined, { destinations, force: true });
    expect([error, outcome?.rotated, road.held]).toEqual([undefined, true, ['R1', 'R1']]);
  });

  it('and an error says that it holds it', async () => {
    const { road, destinations } = await begin();
    const { error } = await road.run((line) => (line === 'POST pool' ? { status: 403 } : undefined), {
      destinations,
      force: true,
    });
    expect(error?.stateNow).toContain(`env:acme/other/production ${PEM} hold ${road.id('C1')}`);
  });
});
