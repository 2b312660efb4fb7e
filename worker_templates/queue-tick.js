// The cron Worker: asks the app for one pass over the queues. It runs on Cloudflare, and on a machine of one's own in
// Cloudflare's runtime. What is in braces is filled in by infra/release/worker_script.py; the token is a secret binding
// and never in this script, so that rotating it changes nothing here.

const TICK = {};
const PATIENCE = 10_000; // milliseconds for one attempt; the app answers before the pass has run

export default {
  async scheduled(controller, env) {
    const answer = (await attempt(env)) ?? (await attempt(env, true));
    if (!answer.ok) {
      throw new Error(`The queue tick was refused: ${answer.status} ${await answer.text()}`);
    }
    const { id, running } = await answer.json();
    console.log(running ? `Pass ${id} is still running.` : `Pass ${id} has begun.`);
  },
};

// The app's answer; undefined when a first attempt did not reach it. Cloudflare says so with a status from 520 on.
async function attempt(env, last = false) {
  try {
    const answer = await fetch(TICK.url, {
      method: "POST",
      headers: { authorization: `Bearer ${env.INTERNAL_QUEUE_TOKEN}`, "content-type": "application/json" },
      body: JSON.stringify(TICK.parameters),
      redirect: "manual",
      signal: AbortSignal.timeout(PATIENCE),
    });
    return answer.status < 520 || last ? answer : undefined;
  } catch (error) {
    if (last) {
      throw new Error(`The app could not be reached: ${error.message}`);
    }
    return undefined;
  }
}
