import { ERRORS } from '@cliscale/sdk/protocol'
import { Type } from 'typebox'

/** Schema of the contract's `ErrorBody`, for the OpenAPI document. */
export const ErrorBodySchema: Type.TSchema = Type.Object(
  {
    error: Type.Object({
      code: Type.Enum(Object.keys(ERRORS), { description: 'What went wrong; each code has one meaning.' }),
      message: Type.String({ description: 'One sentence that says what to do next.' }),
      requestId: Type.String({ description: "Finds the request in the server's log." }),
      details: Type.Optional(
        Type.Array(
          Type.Object({
            field: Type.String({
              description: 'A JSON Pointer (RFC 6901) into the body, or the name of a parameter.',
            }),
            problem: Type.String(),
          }),
        ),
      ),
    }),
  },
  { description: 'Body of every error.' },
)
