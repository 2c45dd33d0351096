/** What is looked after on a server, and what the help says of it. The verbs of each are in `verbs.ts`. */
export const nouns = {
  user: "look after people's accounts",
  group: "look after groups of users",
  token: "look after personal tokens",
  robot: "look after robots, which programs log in as",
  grant: "look after grants of roles and actions",
  access: "ask who may do what",
  trust: "look after rules that believe identity tokens of CI jobs and pods",
  trail: "look into the audit trail",
  namespace: "look after namespaces",
  settings: "look after what namespaces and repositories are set to",
  quota: "look at what namespaces use of their quotas",
  repository: "look after repositories",
  image: "look at images, archive and delete them",
  tag: "look after tags",
  hold: "let nothing delete an image or a repository, for legal reasons",
  usage: "say which digests run somewhere, and so stay",
  undo: "take back deletes, and moves of tags",
  webhook: "look after webhooks, which tell other programs what happens",
  maintenance: "make the registry read-only for a while",
  job: "look at what is done in the background, and try again what failed",
} as const;

/** What is looked after below one of them, by verbs of two words. */
export const innerNouns: Readonly<Record<string, string>> = {
  template: "look after what repositories begin with that are made below a namespace",
};

export type Noun = keyof typeof nouns;

/** Whether a word of the command line is one. */
export function isNoun(word: string | undefined): word is Noun {
  return word !== undefined && Object.hasOwn(nouns, word);
}
