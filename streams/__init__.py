"""Streams fold the facts of the log into what is learned from them.

The arithmetic is in reducers that know no log, no clock and no disk:

* `streams.reducer`     what a reducer is, and the laws every reducer keeps
* `streams.histogram`   how often which value occurred, to 0.79 %
* `streams.days`        counts by day, for the latest 35 days
* `streams.measure`     count, sum, squares, extremes and histogram of one number
* `streams.tally`       the integers learned about one pattern
* `streams.fixedpoint`  decimal text to exact integers and back
* `streams.statistics`  means, deviations, quantiles and intervals, derived when somebody reads
"""
