/** A value as JSON tells it: positions, which are bigints, and moments are texts. */
export type Told<T> = T extends bigint | Date
  ? string
  : T extends readonly (infer Item)[]
    ? readonly Told<Item>[]
    : T extends object
      ? { readonly [Name in keyof T]: Told<T[Name]> }
      : T
