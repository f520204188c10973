// Chats through the JavaScript clients `openai` and `ai` for some seconds.
//
//   node clients.mjs http://127.0.0.1:8080 5
//
// Prints one line of JSON: how many requests were sent, how many failed, and the tokens that the
// clients received.

import OpenAI from "openai";
import { generateText, streamText } from "ai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";

const [url, seconds] = process.argv.slice(2);
const model = "demo-1";
const messages = [{ role: "user", content: "What is measured here?" }];
const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: "any", maxRetries: 0, timeout: 30_000 });
const provider = createOpenAICompatible({
  name: "gateway",
  baseURL: `${url}/v1`,
  includeUsage: true,
});

// Each returns the tokens of one reply, or throws if the reply fails.
const chats = {
  async openaiPlain() {
    const completion = await client.chat.completions.create({ model, messages });
    return completion.usage.total_tokens;
  },
  async openaiStreamed() {
    const stream = await client.chat.completions.create({
      model,
      messages,
      stream: true,
      stream_options: { include_usage: true },
    });
    let tokens = 0;
    for await (const chunk of stream) {
      tokens += chunk.usage?.total_tokens ?? 0;
    }
    return tokens;
  },
  async aiPlain() {
    const { usage } = await generateText({ model: provider(model), messages, maxRetries: 0 });
    return usage.inputTokens + usage.outputTokens;
  },
  async aiStreamed() {
    const { fullStream } = streamText({
      model: provider(model),
      messages,
      maxRetries: 0,
      onError() {},
    });
    let tokens = 0;
    for await (const part of fullStream) {
      if (part.type === "error") {
        throw part.error;
      }
      if (part.type === "finish") {
        tokens += (part.totalUsage.inputTokens ?? 0) + (part.totalUsage.outputTokens ?? 0);
      }
    }
    return tokens;
  },
};

const counts = Object.fromEntries(
  Object.keys(chats).map((name) => [name, { requests: 0, failures: 0, tokens: 0 }]),
);
const end = Date.now() + seconds * 1000;

async function repeat(name) {
  const count = counts[name];
  while (Date.now() < end) {
    count.requests += 1;
    try {
      count.tokens += await chats[name]();
    } catch (error) {
      count.failures += 1;
      console.error(`${name}: ${error}`);
    }
  }
}

await Promise.all(Object.keys(chats).map(repeat));
console.log(JSON.stringify(counts));
