/** What is looked after on a server, and what the help says of it. The verbs of each are in `verbs.ts`. */
export const nouns = {
  user: "look after people's accounts",
  group: "look after groups of users",
  token: "look after personal tokens",
  trust: "look after rules that believe identity tokens of CI jobs and pods",
  namespace: "look after namespaces",
} as const;

export type Noun = keyof typeof nouns;

/** Whether a word of the command line is one. */
export function isNoun(word: string | undefined): word is Noun {
  return word !== undefined && Object.hasOwn(nouns, word);
}
