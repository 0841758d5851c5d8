import { stringify } from 'yaml'
import { fieldsOf } from '../../suite/action.ts'
import { rootAction, type Definition } from './definitions.ts'

/** The action.yml of an action, as the runner reads it. */
export function actionYml({ folder, action }: Definition): string {
  const bundle = `${folder === rootAction ? '' : '../../'}dist/${folder}`
  const content = {
    name: action.title,
    description: action.description,
    branding: action.branding,
    inputs: Object.fromEntries(
      fieldsOf(action).map((field) => [
        field.name,
        {
          description: field.default ? `${field.description} Default: \`${field.default}\`.` : field.description,
          // No `default:`: the runner would hand it over as if it had been given, and the configuration file could never win.
          required: field.required === true,
          // What no configuration file can hold may come from the runner.
          ...(field.fromRunner === undefined ? {} : { default: field.fromRunner }),
        },
      ]),
    ),
    outputs: Object.fromEntries(Object.entries(action.outputs).map(([name, description]) => [name, { description }])),
    runs: { using: 'node24', main: `${bundle}/index.js`, ...(action.post ? { post: `${bundle}/post.js` } : {}) },
  }
  return `# Generated from actions/${folder}/inputs.ts; edit that file and run npm run generate.\n${stringify(content, { lineWidth: 0 })}`
}
