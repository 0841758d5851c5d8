import { nearestWord } from '#kernel'
import { z } from 'zod'

const scalar = z.union([z.string(), z.number(), z.boolean()])
const fields = z.record(z.string(), scalar).refine((each) => Object.keys(each).length <= 100, 'more than 100 entries')
const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']

/** One request of a flow, as people write it. */
export const stepSchema = z.strictObject({
  name: z.string().trim().min(1).max(200).optional().describe('What the visitor does, for example "log in".'),
  request: z
    .string()
    .regex(new RegExp(`^(${methods.join('|')})\\s+\\S`), `expected a method (${methods.join(', ')}) and a path`)
    .describe('Method and path, as `POST /login`; a whole URL leads elsewhere.'),
  headers: fields.default({}),
  json: z.json().optional().describe('The body, sent as JSON.'),
  form: fields.optional().describe('The body, sent as a form.'),
  body: z.string().optional().describe('The body as it is.'),
  expect: z
    .union([z.string(), z.array(z.string()).max(50)])
    .default([])
    .describe('Assertions, as `$.token exists`; without one on the status it must be 200 to 299.'),
  capture: z
    .record(z.string().regex(/^[A-Za-z_][\w-]{0,63}$/, 'a name has letters, digits, - and _'), z.string())
    .refine((each) => Object.keys(each).length <= 50, 'more than 50 entries')
    .default({})
    .describe('Values kept for later steps: NAME: $.path, header NAME, cookie NAME or body /pattern/.'),
  redirects: z
    .enum(['follow', 'same-origin', 'none'])
    .default('same-origin')
    .describe('`follow` also goes to other hosts, and a 307 or 308 takes the body along.'),
  timeout: z.string().optional().describe('How long the answer may take, as `5s`.'),
})

export const flowSchema = z
  .array(stepSchema, 'a flow is a list of requests')
  .min(1, 'a flow has at least one request')
  .max(100, 'a flow has at most 100 requests')

/** A fault of the file in words, with the nearest known key where one is unknown. */
export function explained(issue: z.core.$ZodIssue): string {
  const place = issue.path.slice(1).join('.')
  if (issue.code === 'unrecognized_keys') {
    const known = Object.keys(stepSchema.shape)
    return issue.keys
      .map((key) => `unknown key "${key.slice(0, 60)}"; did you mean "${nearestWord(key, known)}"?`)
      .join('; ')
  }
  // An invalid key hides its reason one level down.
  const inner = issue.code === 'invalid_key' ? issue.issues[0]?.message : undefined
  return `${place === '' ? '' : `${place}: `}${inner ?? issue.message}`
}
