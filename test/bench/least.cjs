/** The least that a program on undici can be: it asks so often, one after the other, and ends. Arguments: URL, how often. */

const { Agent } = require('undici');

async function main([url = '', times]) {
  const agent = new Agent();
  const { origin, pathname } = new URL(url);
  for (let time = 0; time < Number(times); time += 1) {
    const { body } = await agent.request({ origin, path: pathname, method: 'GET' });
    await body.text();
  }
  await agent.destroy();
}

main(process.argv.slice(2));
