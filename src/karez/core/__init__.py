"""What every floor may use: money, ids, clock, rejections, configuration."""
