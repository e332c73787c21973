/** What GitHub keeps of releases and tags, as far as the release workflow's `gh` asks for it. */

import type { EmulatorRequest, EmulatorResponse } from '../emulators/emulator.ts';

interface Release {
  id: number;
  tag_name: string;
  name: string;
  body: string;
  draft: boolean;
}

type Json = Record<string, unknown>;

export class Releases {
  readonly releases: Release[] = [];
  readonly assets: string[] = [];
  /** Moved or made over the API, by their name. */
  readonly refs = new Map<string, string>();
  readonly #repository: string;
  readonly #pushed: () => readonly string[];

  /** @param pushed tags that git has pushed */
  constructor(repository: string, pushed: () => readonly string[]) {
    this.#repository = repository;
    this.#pushed = pushed;
  }

  handle({ body, headers, method, path }: EmulatorRequest): EmulatorResponse {
    const url = `https://${headers.host}`;
    const at = path.replace(/\?.*$/, '').replace(`/repos/${this.#repository}`, '');
    const isJson = body !== '' && headers['content-type']?.startsWith('application/json');
    const sent: Json = isJson ? JSON.parse(body) : {};
    const [status, answer] = this.#answer(`${method} ${at}`, path, sent, url) ?? [
      404,
      { message: 'Not Found' },
    ];
    return { status, headers: { 'content-type': 'application/json' }, body: JSON.stringify(answer) };
  }

  #answer(at: string, path: string, sent: Json, url: string): [number, unknown] | undefined {
    const [, tag = ''] = /(?:tags|ref)\/([^/]+)$/.exec(at) ?? [];
    const release = this.releases.find(({ tag_name }) => tag_name === tag) ?? this.releases[0];
    switch (true) {
      case at === 'POST /api/graphql':
        return [200, this.#query(JSON.stringify(sent), Object(sent.variables))];
      case at === 'POST /api/v3/releases':
        return [201, this.#shown(this.#create(sent), url)];
      case at.startsWith('POST /api/uploads/releases/'):
        this.assets.push(new URL(path, url).searchParams.get('name') ?? '');
        return [201, { id: this.assets.length, url: `${url}/asset`, state: 'uploaded' }];
      case at === 'GET /api/v3/releases':
        return [200, this.releases.map((one) => this.#shown(one, url))];
      case /^(GET|PATCH) \/api\/v3\/releases\/\d+$/.test(at) && release !== undefined:
        return [200, this.#shown(Object.assign(release, sent), url)];
      case at.startsWith('GET /api/v3/releases/tags/') && release?.tag_name === tag && !release.draft:
        return [200, this.#shown(release, url)];
      default:
        return this.#answerRef(at, tag, sent);
    }
  }

  #answerRef(at: string, tag: string, sent: Json): [number, unknown] | undefined {
    if (at.startsWith('GET /api/v3/git/ref/tags/'))
      return this.refs.has(tag) ? [200, { ref: tag }] : undefined;
    if (at === 'POST /api/v3/git/refs') {
      const name = `${sent.ref}`.replace('refs/tags/', '');
      if (this.refs.has(name)) return [422, { message: 'Reference already exists' }];
      this.refs.set(name, `${sent.sha}`);
      return [201, {}];
    }
    if (!at.startsWith('PATCH /api/v3/git/refs/tags/')) return undefined;
    if (!this.refs.has(tag) || sent.force !== true) return [422, { message: 'Update is not a fast forward' }];
    this.refs.set(tag, `${sent.sha}`);
    return [200, {}];
  }

  #query(text: string, { tagName = '' }: { tagName?: string }): Json {
    const name = tagName.replace('refs/tags/', '');
    if (text.includes('RepositoryFindRef'))
      return { data: { repository: { ref: this.#pushed().includes(name) ? { id: name } : null } } };
    const release = this.releases.find(({ tag_name }) => tag_name === name);
    const found = release && { databaseId: release.id, isDraft: release.draft };
    return { data: { repository: { release: found ?? null } } };
  }

  #create({ body, draft, name, tag_name }: Json): Release {
    const release = {
      id: this.releases.length + 1,
      tag_name: `${tag_name}`,
      name: `${name}`,
      body: `${body}`,
      draft: draft === true,
    };
    this.releases.unshift(release);
    return release;
  }

  #shown(release: Release, url: string): Json {
    const path = `repos/${this.#repository}/releases/${release.id}`;
    return {
      ...release,
      node_id: `R_${release.id}`,
      url: `${url}/api/v3/${path}`,
      upload_url: `${url}/api/uploads/${path}/assets{?name,label}`,
      html_url: `${url}/${this.#repository}/releases/${release.tag_name}`,
      target_commitish: 'main',
      assets: [],
    };
  }
}
