# What a line of an order costs, in cents.
echo $(($1 * $2))
