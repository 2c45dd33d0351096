/** A repository, there or not, or a namespace. */
export type Place =
  | {
      readonly kind: "repository";
      readonly name: string;
      readonly id: number | null;
      readonly public: boolean;
      /** When it was deleted, in milliseconds since 1970; undefined for one that was not. */
      readonly deletedAt?: number | undefined;
    }
  | { readonly kind: "namespace"; readonly path: string };
