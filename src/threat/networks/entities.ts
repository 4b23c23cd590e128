import { Field, ObjectType } from "type-graphql";

/** That what a network does not prove is refused without a reason; kept in Redis for as long as it lasts. */
@ObjectType({
  description: "That requests for tokens from a network are told to wait where they do not prove who they are.",
})
export class NetworkBlock {
  @Field(() => String, { description: "The network, as `198.51.100.0/24` or `2001:db8:7::/48`." })
  readonly network!: string;

  @Field(() => Date, { description: "When it ends by itself." })
  readonly endsAt!: Date;
}
