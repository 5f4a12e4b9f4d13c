[ "$(sh total.sh 250 3)" = 750 ]
