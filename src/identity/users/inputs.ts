import { ArrayMaxSize, ArrayMinSize, IsOptional, Length } from "class-validator";
import { Field, ID, InputType } from "type-graphql";
import { RepeatableInput } from "../../platform/arguments.js";
import { Role } from "./entities.js";

/** What `createUser` takes. */
@InputType({ description: "A person to be invited." })
export class CreateUserInput extends RepeatableInput {
  @Field(() => ID, { nullable: true, description: "Another tenant, whose first people they are; for operators." })
  @IsOptional()
  readonly tenantId?: string | null;

  @Field(() => String, { description: "Where the person is written to; ASCII, unique within the tenant." })
  @Length(3, 254)
  readonly email!: string;

  @Field(() => String, { description: "For people; 1–200 characters." })
  @Length(1, 200)
  readonly name!: string;

  @Field(() => [Role], { description: "What the person is there for; none that may do more than the caller." })
  @ArrayMinSize(1)
  @ArrayMaxSize(6)
  readonly roles!: Role[];
}

/** What `inviteUser` takes. */
@InputType({ description: "A person who gets a new invitation; one that is open is void from now on." })
export class InviteUserInput extends RepeatableInput {
  @Field(() => ID, { description: "The person." })
  readonly userId!: string;
}

/** What `changeUserRoles` takes. */
@InputType({ description: "What a person is there for from now on." })
export class ChangeUserRolesInput extends RepeatableInput {
  @Field(() => ID, { description: "The person." })
  readonly userId!: string;

  @Field(() => [Role], { description: "All of the roles; none that may do more than the caller." })
  @ArrayMinSize(1)
  @ArrayMaxSize(6)
  readonly roles!: Role[];
}

/** What `disableUser` takes. */
@InputType({ description: "A person who is not to sign in any more." })
export class DisableUserInput extends RepeatableInput {
  @Field(() => ID, { description: "The person." })
  readonly userId!: string;

  @Field(() => String, { description: "Why, for the audit record; 1–200 characters." })
  @Length(1, 200)
  readonly reason!: string;
}
