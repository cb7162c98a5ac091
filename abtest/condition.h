// Targeting: whether a unit's attributes meet a condition, with the semantics of GrowthBook's SDKs.
#pragma once

#include "base/json.h"

namespace peira::abtest {

// Whether `attributes` meet `condition`, a MongoDB-like query:
//
//     {"country": {"$in": ["DE", "AT"]}, "$or": [{"plan": "pro"}, {"age": {"$gte": 18}}]}
//
// Paths into objects are joined by dots. A missing attribute counts as null. Operators: $eq $ne $lt
// $lte $gt $gte $in $nin $ini $nini $exists $type $regex $notRegex $regexi $notRegexi $elemMatch
// $size $all $alli $not $and $or $nor $veq $vne $vgt $vgte $vlt $vlte (versions) $inGroup
// $notInGroup. Comparisons coerce as JavaScript does: text beside a number is read as a number. An
// operator that is not known, and a regular expression that is none or takes too long, is false.
//
// groups      saved lists by id, for $inGroup; an object of arrays.
// never throws for any JSON; nesting beyond 64 levels is false.
bool meets_condition(const Json& attributes, const Json& condition,
                     const Json& groups = Json::object());

// throws Error(kUsage) naming the first operator in `condition` that is not known, or a condition
// that is no object: for whoever writes one down, as evaluating it would only be false.
void check_condition(const Json& condition);

}  // namespace peira::abtest
