/** No second HTTP client: the action gives Octokit its own. */

export class HttpClient {
  getAgent() {}
  getAgentDispatcher() {}
}
