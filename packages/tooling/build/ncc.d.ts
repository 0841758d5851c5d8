/** The part of ncc's API that the build uses (ncc 0.45 carries no types). */
declare module '@vercel/ncc' {
  interface Options {
    readonly cache: boolean
    readonly esm: boolean
    readonly quiet: boolean
    readonly target: string
    readonly license: string
  }

  interface Result {
    readonly code: string
    readonly assets: Readonly<Record<string, { readonly source: string | Buffer; readonly permissions?: number }>>
  }

  export default function ncc(entry: string, options: Options): Promise<Result>
}
