/** Octokit without its `rest` methods: the action names each request by its path. */

export const restEndpointMethods = () => ({});
