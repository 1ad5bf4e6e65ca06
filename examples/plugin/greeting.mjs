/** A plugin as others would write one: it greets, after a while, in one of a few languages. */
import { setTimeout as sleep } from 'node:timers/promises';

const greetings = { en: 'Good morning', de: 'Guten Morgen', fr: 'Bonjour' };
const languages = Object.keys(greetings).join(', ');

/** A text with a placeholder has its value when the task runs: it cannot be judged before. */
const isOpen = (value) => typeof value === 'string' && /[$][{[]/.test(value);

export const taskPlugin = {
  apiVersion: 1,
  name: 'greeting',
  description: 'Greets somebody in one of a few languages.',

  settingsSchema: {
    type: 'object',
    properties: {
      who: { type: 'string', description: 'Whom to greet.' },
      language: { type: 'string', description: `One of ${languages}, or a placeholder. Default: en.` },
      afterMs: { type: ['integer', 'string'], description: 'Wait before the greeting, in milliseconds. Default: 0.' },
    },
    required: ['who'],
    additionalProperties: false,
  },

  check({ who, language = 'en', afterMs = 0, ...others }) {
    const faults = [];
    if (typeof who !== 'string' || who === '') {
      faults.push({ path: ['who'], message: 'expected whom to greet', remedy: 'Add "who", a text.' });
    }
    if (!isOpen(language) && !Object.hasOwn(greetings, language)) {
      faults.push({ path: ['language'], message: `expected one of ${languages}, came ${JSON.stringify(language)}` });
    }
    if (!isOpen(afterMs) && !Number.isInteger(afterMs)) {
      faults.push({ path: ['afterMs'], message: 'expected a whole number of milliseconds' });
    }
    for (const name of Object.keys(others)) faults.push({ path: [name], message: 'expected no such setting' });
    return faults;
  },

  async start({ settings, signal, writeLog }) {
    const { who, language = 'en', afterMs = 0 } = settings;
    writeLog(`greeting ${who} in ${language}\n`);
    await sleep(afterMs, undefined, { signal });
    const greeting = greetings[language];
    if (greeting === undefined) throw new Error(`expected one of ${languages} as language, came ${language}`);
    return { text: `${greeting}, ${who}!` };
  },

  /** It has nothing outside of itself, so it can simply begin again. */
  adopt(context) {
    return this.start(context);
  },
};
