export { httpProbe } from './http.ts'
